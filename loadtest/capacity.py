"""What a rate of events needs, by what was measured on two cores. Pure.

A request costs every service something of its own and something for each of its events, so two loads of `make load` tell both: one event a
request, and SDK-like batches. Everything else is multiplication, and says so; prices are assumptions.
"""

import math
from dataclasses import dataclass

UTILISATION = 0.65
"""How busy a core is meant to be: the autoscaler's target of workers."""
EVENTS_A_REQUEST = 21.8
"""Of the batches that were measured."""
BODY_BYTES = 1_690
"""JSON of an event, measured."""
ROWS_AN_EVENT = 0.85
HOT_BYTES_A_ROW, COLD_BYTES_A_ROW = 450, 420
ROW_TOPICS_SHARE = 2.0
REPLICAS = 3
KAFKA_COMPRESSED = 0.5
"""What lz4 leaves of such text, assumed."""
KAFKA_DAYS = (7 + 3 * ROW_TOPICS_SHARE) / (1 + ROW_TOPICS_SHARE)
"""`EVENTS_RETENTION_HOURS` is a week, row topics keep three days."""
ARCHIVE_OBJECT_BYTES, ARCHIVE_SHARE = 8 * 1024 * 1024, 0.3
SINK_SHARE = 0.4
"""Of the store's time: reading Kafka and making inserts. The rest is ClickHouse's."""
CLICKHOUSE_CORES, CLICKHOUSE_SHARE = 32, 0.5
"""A server, and how much of it may be inserts and merges: reads need the rest."""
BROKER_CORES, BROKER_BYTES_A_SECOND, LEAST_BROKERS = 8, 200e6, 3
PARTITIONS_A_WORKER, PARTITIONS_STEP = 1.5, 12
HOT_DAYS, COLD_DAYS = 7, 30
DAY_SECONDS = 86_400
MONTH_HOURS, MONTH_DAYS = 730, 30

CORE_HOUR, DISK_GB_MONTH, OBJECT_GB_MONTH, PUTS_1000 = 0.04, 0.08, 0.023, 0.005
"""Assumed prices, USD."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor time, µs: of a request, and of each of its events."""

    request_us: float
    event_us: float

    def at(self, events_a_request: float) -> float:
        """Return µs an event."""
        return self.request_us / events_a_request + self.event_us


def fitted(single_us: float, batched_us: float) -> Cost:
    """Return the cost that explains both loads; both are given as µs an event."""
    event_us = (batched_us * EVENTS_A_REQUEST - single_us) / (EVENTS_A_REQUEST - 1)
    return Cost(single_us - event_us, event_us)


COSTS = {
    "gateway": fitted(438, 72),
    "worker": fitted(506, 172),
    "store": fitted(404, 126),
    "kafka": fitted(157, 50),
}
"""docs/benchmarks.md, whole stack by `make load`: `thousand` and `batches`."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a rate needs; money a month."""

    gateways: int
    workers: int
    sinks: int
    partitions: int
    brokers: int
    clickhouse_servers: int
    kafka_bytes_a_second: float
    hot_bytes: float
    cold_bytes_a_month: float
    puts_a_day: float
    cores: float
    usd: float


@dataclass(frozen=True, slots=True)
class Check:
    """A load that the model was not made of: what it says, and what was measured."""

    load: str
    events_a_second: float
    events_a_request: float
    measured_cores: float

    @property
    def predicted_cores(self) -> float:
        """Return what all services use."""
        return sum(cores_of(service, self.events_a_second, self.events_a_request) for service in COSTS)


CHECKS = (
    Check("2,000 events/s, 10-50 a request", 2000, EVENTS_A_REQUEST, 1.09),
    Check("2,500 events/s, 5 a request", 2500, 5, 1.39),
    Check("5,000 events/s, 10-50 a request: more than the two cores do", 5000, EVENTS_A_REQUEST, 1.79),
    Check("100 requests/s of one event", 100, 1, 0.90),
)
"""Whole stacks by `make load`, 45 to 120 s, quiet machine."""


def cores_of(service: str, events_a_second: float, events_a_request: float = EVENTS_A_REQUEST) -> float:
    """Return the cores a service uses, as measured: without any room."""
    return COSTS[service].at(events_a_request) * events_a_second / 1e6


def _processes(cores: float) -> int:
    """Return how many processes of one core do that; two at least, so that a restart is no outage."""
    return max(2, math.ceil(cores / UTILISATION))


def needs(events_a_second: float) -> Needs:
    """Return what a rate of SDK-like batches needs, with room."""
    used = {service: cores_of(service, events_a_second) for service in COSTS}
    gateways, workers, sinks = (_processes(cores) for cores in (used["gateway"], used["worker"], used["store"] * SINK_SHARE))
    servers = max(1, math.ceil(used["store"] * (1 - SINK_SHARE) / (CLICKHOUSE_CORES * CLICKHOUSE_SHARE)))
    kafka_bytes = events_a_second * BODY_BYTES * KAFKA_COMPRESSED * (1 + ROW_TOPICS_SHARE) * REPLICAS
    by_cores = math.ceil(used["kafka"] * REPLICAS / UTILISATION / BROKER_CORES)
    brokers = max(LEAST_BROKERS, by_cores, math.ceil(kafka_bytes / BROKER_BYTES_A_SECOND))
    rows_a_day = events_a_second * ROWS_AN_EVENT * DAY_SECONDS
    archived_a_day = events_a_second * BODY_BYTES * ARCHIVE_SHARE * DAY_SECONDS
    cores = gateways + workers + sinks + brokers * BROKER_CORES + servers * CLICKHOUSE_CORES
    puts_a_day = events_a_second * BODY_BYTES * DAY_SECONDS / ARCHIVE_OBJECT_BYTES
    hot, kept = rows_a_day * HOT_DAYS * HOT_BYTES_A_ROW, (rows_a_day * COLD_BYTES_A_ROW + archived_a_day) * COLD_DAYS
    disk_gb, object_gb = (hot + kafka_bytes * DAY_SECONDS * KAFKA_DAYS) / 1e9, kept / 1e9
    return Needs(
        gateways=gateways,
        workers=workers,
        sinks=sinks,
        partitions=math.ceil(workers * PARTITIONS_A_WORKER / PARTITIONS_STEP) * PARTITIONS_STEP,
        brokers=brokers,
        clickhouse_servers=servers,
        kafka_bytes_a_second=kafka_bytes,
        hot_bytes=hot,
        cold_bytes_a_month=kept,
        puts_a_day=puts_a_day,
        cores=cores,
        usd=cores * CORE_HOUR * MONTH_HOURS
        + disk_gb * DISK_GB_MONTH
        + object_gb * OBJECT_GB_MONTH
        + puts_a_day * MONTH_DAYS / 1000 * PUTS_1000,
    )
