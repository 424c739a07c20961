"""The worker, put together: Faust for consuming, assignment and recovery, our own producer for everything that is written."""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any, NoReturn, cast

import faust
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from confluent_kafka import KafkaException
from faust.types import TP, TransportT
from yarl import URL

from contract.clock import US_PER_SECOND, now_us
from contract.codec import codec_for
from contract.control import ControlReader, Directory
from contract.doorkeeper import Doorkeeper
from contract.errors import RetryableError
from contract.kafka import KafkaSettings, instance_id, producer
from contract.level import ObeyedLevel
from contract.metrics import PROCESSOR_READY, PROCESSOR_STOPPED, export
from contract.poison import PoisonError
from contract.standstill import GroupPositions, Place, StandstillWatch
from contract.stopping import end_within
from contract.topics import EVENTS, ROW_TOPICS, changelog_config
from contract.tracing import TracingSettings, tracing
from contract.web import HttpServer
from processors.agents import LostOwnershipError, Ownership, run
from processors.assignment import Assignment
from processors.changelog import Changelog, NotRecoveredError
from processors.changelog_log import KafkaChangelogLog
from processors.credentials import broker_credentials
from processors.domain.overrides import Override, read_overrides
from processors.domain.price_book import PriceBook
from processors.events_log import KafkaEventsLog
from processors.fetching import WorkerConsumer
from processors.hand_over import HandOver
from processors.history_page import worker_app
from processors.lags import Lags
from processors.output import Output
from processors.pipeline import Pipeline
from processors.positions import Positions, SkippedRecordsError
from processors.pressure import LEADING_PARTITION, LEVEL_TIMEOUT_MS, LOOK_SECONDS, PressureControl, sayer
from processors.settings import ProcessorSettings
from processors.statistics import Statistics
from processors.step import StepPolicy
from processors.table import StateTable

logger = logging.getLogger(__name__)

TABLE = "state"
NEVER_TIMES_OUT_MS = 0
LINGER_MS = 5
COMMIT_INTERVAL_SECONDS = 1.0
EXIT_LOST_OWNERSHIP = 75
SHARE_OF_SESSION = 0.6
BEAT_SECONDS = 0.25
CHANGELOG_CHECK_SECONDS = 2.0
LAG_SECONDS = 1.0
ASK_AGAIN_SECONDS = 1.0
BARE_SECONDS = 45.0
LAG_TIMEOUT_SECONDS = 10.0
MAX_OPEN_FILES = 256
BLOOM_BITS = 10


class Worker:
    """One processor: its Faust app, its pipeline, and what it says of its health."""

    def __init__(self, settings: ProcessorSettings, kafka: KafkaSettings) -> None:
        export("processor")
        self._settings = settings
        self.app = faust_app(settings, kafka)
        # Raw, because Faust acknowledges what it cannot deserialise and ends the stream without a word (0.15.3).
        self._events = self.app.topic(EVENTS, key_serializer="raw", value_serializer="raw", acks=False)
        self._table = StateTable(state_table(self.app, settings, kafka.partitions))
        self._output = Output(producer(kafka, client_id="sluice-processor", timeout_ms=NEVER_TIMES_OUT_MS, linger_ms=LINGER_MS))
        self._assignment = Assignment(self.app, self._table.changelog_topic)
        self._ownership = Ownership(self._assignment.with_state, settings.session_timeout_seconds * SHARE_OF_SESSION)
        self._positions = Positions(KafkaEventsLog(kafka, settings.group), self._seek)
        self._log = KafkaChangelogLog(kafka, self._table.changelog_topic)
        self._changelog = Changelog(self._table, self._output.deliver_for_certain, self._log, self._ownership.beat)
        codec, directory = codec_for(kafka.schema_registry_url), Directory()
        self._control = ControlReader(kafka, codec, directory)
        self._level = ObeyedLevel(directory, settings.degradation_silence_seconds)
        self._pressure = PressureControl(
            GroupPositions(kafka, settings.group, (EVENTS,)),
            GroupPositions(kafka, settings.sink_group, ROW_TOPICS),
            sayer(producer(kafka, client_id="sluice-controller", timeout_ms=LEVEL_TIMEOUT_MS, linger_ms=0), codec),
            self._level.now,
            settings.queue_bounds(),
            settings.instance_id or f"{os.uname().nodename}:{os.getpid()}",
        )
        self._statistics = Statistics(lambda: self._level.level)
        self._doorkeeper = Doorkeeper(directory, is_complete=lambda: self._control.is_caught_up)
        self._pipeline = Pipeline(
            self._table,
            self._changelog,
            self._output.deliver_for_certain,
            codec,
            price_book(settings),
            policy(settings),
            settings.poison_policy(),
            now_us,
            version("sluice"),
            tracing(TracingSettings(endpoint=settings.traces_endpoint, ratio=settings.traces_ratio), "processor"),
            lambda: self._level.level,
            self._statistics,
        )
        self._server = HttpServer(worker_app(self, self._statistics, self._doorkeeper), settings.web_host, settings.web_port)
        self._lags = Lags(settings.group)
        self._standstill = StandstillWatch(GroupPositions(kafka, settings.group, (EVENTS,)), self._places, settings.stall_seconds)
        self._hand_over = HandOver(self._positions.expected, self._has_committed, self._verify)
        self._committed: dict[int, int] = {}
        self._bare_since: float | None = None
        self._is_ready = False
        self._poison: str | None = None
        PROCESSOR_STOPPED.set_function(lambda: float(self.alive() is not None))
        PROCESSOR_READY.set_function(lambda: float(self.ready() is None))
        self.app.agent(self._events, name="sluice.processor", concurrency=1)(self._run)
        self.app.on_partitions_revoked.connect(self._revoked)
        self.app.on_rebalance_complete.connect(self._rebalanced)
        self.app.drain = self._drain
        self.app.task(self._serve)
        self.app.task(self._pulse)
        self.app.task(self._watch_changelog)
        self.app.task(self._watch_lag)
        self.app.task(self._control_level)
        self.app.task(self._commit_positions)
        self.app.task(self._await_state)

    async def _run(self, stream: Any) -> None:
        try:
            wait_seconds = self._settings.batch_wait_seconds()
            await run(stream, self._pipeline, self._ownership, self._positions, self._lags, self._settings.batch_records, wait_seconds)
        except asyncio.CancelledError:
            raise
        except PoisonError as error:
            # Nothing is acknowledged any more. Ending would bring a restart, and every restart would bury some more records.
            self._poison = f"stopped: {error}"
            logger.critical("poison_stopped_the_worker %s", error)
            await asyncio.Event().wait()
        except (LostOwnershipError, NotRecoveredError, SkippedRecordsError) as error:
            leave(error)
        except Exception:
            # An exception in an agent ends it (Faust 0.15.3), so the process must not outlive it.
            logger.critical("step_failed the worker stops so that the records are not skipped", exc_info=True)
            os._exit(1)

    async def _serve(self) -> None:
        self._output.start()
        self._control.start()
        self._standstill.start()
        await self._server.start()
        logger.info("worker_listening port=%d", self._server.port)

    async def _drain(self) -> None:
        """Let the step under way end and commit it, so that the next owner has nothing to repeat; begin no other."""
        end_within(self._settings.shutdown_timeout_seconds)
        self._standstill.stop()
        is_ours, self._is_ready = self._is_ready, False
        self._ownership.is_ending = True
        try:
            async with asyncio.timeout(self._settings.shutdown_timeout_seconds / 2):
                await self._ownership.wait_idle()
                if is_ours:
                    await self._commit()
        except TimeoutError:
            logger.warning("worker_not_drained a step goes on; its records are processed again")
        else:
            logger.info("worker_drained")

    async def _pulse(self) -> None:
        """Beat often, so that a pause is noticed by the first thing that runs after it."""
        while not self.app.should_stop:
            try:
                self._ownership.beat()
            except LostOwnershipError as error:
                leave(error)
            await asyncio.sleep(BEAT_SECONDS)

    async def _watch_changelog(self) -> None:
        """Look now and then whether another has written to a changelog that is ours."""
        while not self.app.should_stop:
            await asyncio.sleep(CHANGELOG_CHECK_SECONDS)
            async with self._ownership.idle:
                for partition in self._assignment.owned() if self._is_ready else ():
                    await self._verify(partition)

    async def _verify(self, partition: int) -> None:
        try:
            await self._changelog.verify(partition)
        except (LostOwnershipError, NotRecoveredError) as error:
            leave(error)
        except (RetryableError, KafkaException) as error:
            logger.warning("changelog_not_checked partition=%d error=%s", partition, error)

    async def _await_state(self) -> None:
        """Ask for another assignment while partitions came without their state; leave where that does not help."""
        while not self.app.should_stop:
            await asyncio.sleep(ASK_AGAIN_SECONDS)
            if self._bare_since is None:
                continue
            bare = self._assignment.bare()
            logger.warning("partitions_without_state partitions=%s", bare)
            if time.monotonic() - self._bare_since > BARE_SECONDS:
                leave(NotRecoveredError(f"partitions {bare} of {EVENTS} came without their changelog"))
            await self._assignment.ask_again()

    async def _commit_positions(self) -> None:
        """Commit every second how far the partitions are; what a worker that dies has not committed is processed again."""
        while not self.app.should_stop:
            await asyncio.sleep(COMMIT_INTERVAL_SECONDS)
            if self._is_ready:
                await self._commit()

    async def _commit(self) -> None:
        fresh = {partition: offset for partition, offset in self._positions.committable.items() if self._committed.get(partition) != offset}
        if fresh and await self._has_committed(fresh):
            self._committed |= fresh

    async def _has_committed(self, offsets: dict[int, int]) -> bool:
        """Commit by Faust's own way to the broker; its public one follows its acknowledgements. False where we are no member any more."""
        consumer: Any = self.app.consumer
        return bool(await consumer._commit({TP(EVENTS, partition): offset for partition, offset in offsets.items()}))  # noqa: SLF001

    async def _seek(self, partition: int, offset: int) -> None:
        await self.app.consumer.seek_wait({TP(EVENTS, partition): offset})

    async def _watch_lag(self) -> None:
        """Show every second how far behind the partitions are."""
        while not self.app.should_stop:
            await asyncio.sleep(LAG_SECONDS)
            self._statistics.show()
            owned = self._assignment.owned() if self._is_ready else []
            try:
                async with asyncio.timeout(LAG_TIMEOUT_SECONDS):
                    self._lags.show(await self._ends_of(owned))
            except (KafkaError, TimeoutError) as error:
                logger.warning("lag_not_known error=%r", error)

    async def _control_level(self) -> None:
        """Say the level of degradation, while partition 0 of `events` is ours."""
        while not self.app.should_stop:
            await asyncio.sleep(LOOK_SECONDS)
            if self._is_ready and LEADING_PARTITION in self._assignment.owned():
                await asyncio.to_thread(self._pressure.look)
            else:
                self._pressure.resign()

    async def _ends_of(self, owned: list[int]) -> dict[int, int]:
        """Ask for the end offsets: what comes with fetched records stands still while Faust holds a partition back."""
        consumer = self.app.consumer
        for partition in self._lags.unknown(owned):
            position = await consumer.position(TP(EVENTS, partition))
            if position is not None:
                self._lags.begin(partition, position)
        ends = await consumer.highwaters(*(TP(EVENTS, partition) for partition in owned)) if owned else {}
        return {tp.partition: end for tp, end in ends.items()}

    async def _revoked(self, *args: Any, **_more: Any) -> None:
        self._is_ready = False
        logger.info("partitions_revoked count=%d", len(args[-1]))
        await self._ownership.wait_idle()
        revoked = {tp.partition for tp in args[-1] if tp.topic == EVENTS}
        await self._hand_over.of([partition for partition in self._assignment.owned() if partition in revoked])
        self._forget_positions()

    def _forget_positions(self) -> None:
        self._positions.forget()
        self._committed.clear()

    async def _rebalanced(self, *_args: Any, **_more: Any) -> None:
        if self._assignment.will_recover():
            logger.info("recovery_begins_anew")
            return
        self._hand_over.recovered()
        self._changelog.forget()
        self._forget_positions()
        bare = self._assignment.bare()
        self._is_ready = not bare
        self._bare_since = time.monotonic() if bare else None
        logger.info("partitions_assigned events=%d", len(self._assignment.owned()))

    def _places(self) -> list[Place]:
        """Return what is ours to process; a partition that is being recovered is not yet held against anybody."""
        return [Place(EVENTS, partition) for partition in self._assignment.owned()]

    def alive(self) -> str | None:
        """Say that records nobody can read have stopped the worker, or that records wait and none is processed."""
        return self._poison or self._standstill.complaint

    def ready(self) -> str | None:
        """Say that partitions are still being assigned or recovered, if they are."""
        if self._poison is not None:
            return self._poison
        return None if self._is_ready else "waiting for partitions and their state"


def leave(error: LostOwnershipError | NotRecoveredError | SkippedRecordsError) -> NoReturn:
    """End the process at once: nothing that it still holds may reach Kafka, and what was skipped is read again."""
    logger.critical("worker_leaves %s: %s; so that nothing stale is written and nothing skipped", type(error).__name__, error)
    os._exit(EXIT_LOST_OWNERSHIP)


class WorkerApp(faust.App):
    """A Faust app that ends what it has begun before Faust closes the tables."""

    drain: Callable[[], Awaitable[None]] | None = None

    def _new_transport(self) -> TransportT:
        transport: Any = super()._new_transport()
        transport.Consumer = WorkerConsumer
        return cast("TransportT", transport)

    async def on_stop(self) -> None:
        """Drain, then stop."""
        if self.drain is not None:
            await self.drain()
        await super().on_stop()


def faust_app(settings: ProcessorSettings, kafka: KafkaSettings) -> WorkerApp:
    """Return the Faust app: it consumes, assigns and recovers; everything that writes or commits is ours."""
    servers = [URL(f"kafka://{server.strip()}") for server in kafka.bootstrap_servers.split(",")]
    return WorkerApp(
        settings.group,
        broker=servers,
        broker_credentials=broker_credentials(kafka),
        datadir=str(settings.data_dir),
        store="rocksdb://",
        topic_partitions=kafka.partitions,
        topic_replication_factor=kafka.replication_factor,
        topic_disable_leader=True,
        topic_allow_declare=True,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=instance_id(settings.instance_id),
        broker_commit_interval=COMMIT_INTERVAL_SECONDS,
        broker_session_timeout=float(settings.session_timeout_seconds),
        broker_heartbeat_interval=settings.session_timeout_seconds / 6,
        table_standby_replicas=0,
        stream_recovery_delay=0.0,
        stream_wait_empty=False,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )


def state_table(app: faust.App, settings: ProcessorSettings, partitions: int) -> Any:
    """Return the table; Faust's own RocksDB defaults (2 GB cache a database) are set down."""
    return app.Table(
        TABLE,
        key_type=bytes,
        value_type=bytes,
        partitions=partitions,
        extra_topic_configs=changelog_config(),
        options={
            "driver": "rocksdict",
            "max_open_files": MAX_OPEN_FILES,
            "write_buffer_size": settings.rocksdb_write_buffer_bytes,
            "max_write_buffer_number": 2,
            "target_file_size_base": settings.rocksdb_write_buffer_bytes,
            "block_cache_size": settings.rocksdb_cache_bytes,
            "bloom_filter_size": BLOOM_BITS,
        },
    )


def price_book(settings: ProcessorSettings) -> PriceBook:
    """Return the price book, with the operator's overrides if there are any."""
    path = settings.price_overrides_file
    overrides: tuple[Override, ...] = read_overrides(path, path.read_bytes()) if path else ()
    return PriceBook(overrides)


def policy(settings: ProcessorSettings) -> StepPolicy:
    """Return how long state is kept."""
    return StepPolicy(settings.merge_window_seconds * US_PER_SECOND, settings.state_retention_seconds * US_PER_SECOND)
