"""The sink around the engine: a consumer that is lost is replaced, and health says what is wrong."""

import threading
import time
from collections.abc import Callable

from confluent_kafka import KafkaError

from sinks.engine.engine import Engine
from sinks.engine.sink import Sink, SinkPlan
from tests.property.sinks.fakes import Broker, Store
from tests.unit.sinks.engine.test_engine import P0, Rig, log_of

WITHIN_SECONDS = 20.0


def sink_of(build: Callable[[], Engine]) -> Sink:
    """Return a sink on engines that `build` makes."""
    return Sink(
        SinkPlan(
            name="test",
            store="the store",
            prepare=(),
            build=build,
            patience_seconds=1.0,
            backoff_cap_seconds=0.05,
            positions=dict,
            stall_seconds=60,
        )
    )


def until(check: Callable[[], bool]) -> None:
    """Wait until `check` is true, with a deadline."""
    deadline = time.monotonic() + WITHIN_SECONDS
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_fenced_consumer_is_replaced_and_nothing_is_lost_or_written_twice() -> None:
    """Kafka ends a static member that its own successor has fenced; the next consumer goes on where the commits stand."""
    broker, store = Broker({P0: log_of(20)}), Store()
    rigs: list[Rig] = []

    def build() -> Engine:
        rigs.append(Rig(broker, store))
        return rigs[-1].engine

    sink = sink_of(build)
    thread = threading.Thread(target=sink.run)
    thread.start()
    until(lambda: len(store.rows) >= 4)
    rigs[0].consumer.trouble = KafkaError._FATAL
    until(lambda: len(rigs) == 2)
    broker.logs[P0] += [(number, b"row-%d" % number) for number in range(20, 30)]
    until(lambda: len(store.rows) == 30)
    sink.stop()
    thread.join(WITHIN_SECONDS)

    assert rigs[0].consumer.is_closed
    assert sorted(store.rows) == sorted(value for _, value in broker.logs[P0])
    assert not thread.is_alive()
