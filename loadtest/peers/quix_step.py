"""Kafka → enrich → Kafka on quixstreams: decode, merge the events of a record, price, encode. Neither state nor totals.

Runs in the environment of requirements/peers.lock; the functions are Sluice's own. Prints JSON once it has seen as many events as told.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from typing import Any

from quixstreams import Application

from contract.batches import batch_of
from contract.codec import Codec
from contract.merge import State, merge, state_of
from contract.rows import row_of
from contract.schemas import OBSERVATION_ROW
from contract.topics import EVENTS
from processors.domain.cost import COUNTED_KINDS, kind_of, price
from processors.domain.price_book import PriceBook

OUTPUT = "peer-observations"
ADDED = {"protocol": "native", "degradation_level": 0}


class Enrichment:
    """The step, and how far it has come."""

    def __init__(self, wanted: int) -> None:
        self._codec = Codec()
        self._prices = PriceBook()
        self._wanted = wanted
        self._began: tuple[float, float] | None = None
        self.seen = 0
        self.is_done = False

    def rows(self, value: bytes) -> list[bytes]:
        """Return the rows of one record."""
        if self._began is None:
            self._began = time.monotonic(), _cpu_seconds()
        batch = batch_of(self._codec.decode(value)[1])
        states: dict[str, State] = {}
        for event in batch.events:
            if event.entity == "observation":
                self.seen += 1
                state, held = state_of(event, batch.received_at), states.get(event.entity_id)
                states[event.entity_id] = state if held is None else merge(held, state)
        return list(self._encoded(batch.project_id, states))

    def _encoded(self, project_id: str, states: dict[str, State]) -> Iterator[bytes]:
        for state in states.values():
            priced, kind = price(project_id, state, self._prices), kind_of(state)
            columns: dict[str, Any] = {
                "kind": kind,
                "cost": priced.cost,
                "total_cost": priced.total,
                "cost_source": priced.source,
                "price_version": priced.version,
                "unpriced_reason": priced.reason,
                "is_counted": kind in COUNTED_KINDS,
            }
            yield self._codec.encode(OBSERVATION_ROW, {**row_of(project_id, state), **columns, **ADDED})

    def report(self) -> str:
        """Return what it took from the first record on."""
        assert self._began is not None
        began, cpu = self._began
        return json.dumps({"events": self.seen, "seconds": time.monotonic() - began, "cpu_seconds": _cpu_seconds() - cpu})


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system


def main() -> None:
    """Drain the topic once."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.peers.quix_step", description=__doc__)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--events", type=int, required=True)
    given = parser.parse_args()
    enrichment = Enrichment(given.events)
    app = Application(broker_address=given.brokers, consumer_group="peer-quix", auto_offset_reset="earliest", loglevel="WARNING")
    source = app.topic(EVENTS, value_deserializer="bytes", key_deserializer="bytes")
    output = app.topic(OUTPUT, value_serializer="bytes", key_serializer="bytes")

    def expand(value: bytes) -> list[bytes]:
        found = enrichment.rows(value)
        if enrichment.seen >= given.events:
            app.stop()  # commits, and so flushes, what has been produced
        return found

    app.dataframe(source).apply(expand, expand=True).to_topic(output)
    app.run()
    print(enrichment.report(), flush=True)


if __name__ == "__main__":
    main()
