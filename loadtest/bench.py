"""`make bench`: rates and CPU per event of the gateway, the processor, the ClickHouse sink, and the whole stack.

Stages run one at a time on a Kafka of their own; load generator and Kafka share the machine's cores with what is measured, so
the CPU figure, from the operating system, is the one that travels. BENCH_SECONDS sets how long each load lasts.
"""

import asyncio
import os
import platform
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from contract.topics import ROW_TOPICS
from loadtest import generator
from loadtest.end_to_end import Latency, latency, throughput
from loadtest.generator import Load
from loadtest.stages import INGEST_KEY, Stage, cpu_seconds, metric

SECONDS = float(os.environ.get("BENCH_SECONDS", "10"))
PAYLOAD_BYTES = 1000
CONNECTIONS = 32
DRAIN_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    stage: str
    rate: str
    cpu: str
    budget: str


def gateway_stage(stage: Stage, events: int, budget: str) -> tuple[Row, int]:
    """Load the gateway alone; returns the line and how many events were acknowledged."""
    process = stage.service("gateway", "ingest_gateway", port_variable="GATEWAY_HTTP_PORT")
    port = int(stage.environ["GATEWAY_HTTP_PORT"])
    before = cpu_seconds(process)
    sent = asyncio.run(
        generator.run("127.0.0.1", port, INGEST_KEY, events=events, payload_bytes=PAYLOAD_BYTES, connections=CONNECTIONS, seconds=SECONDS)
    )
    used = cpu_seconds(process) - before
    stage.stop(process)
    if sent.failures:
        raise RuntimeError(f"{sent.failures} requests failed")
    return Row(
        f"gateway, {events} event(s) a request", _gateway_rate(sent, used), f"{used / sent.events * 1e6:.0f} µs", budget
    ), sent.events


def _gateway_rate(sent: Load, used: float) -> str:
    acks = statistics.quantiles([1000 * found for found in sent.ack_seconds], n=100)
    wall = f"{sent.requests / sent.seconds:,.0f} requests/s = {sent.events / sent.seconds:,.0f} events/s"
    return f"{wall} beside generator and Kafka; one core: {sent.events / used:,.0f} events/s; ack p50 {acks[49]:.0f} p99 {acks[98]:.0f} ms"


def processor_stage(stage: Stage, expected: int, label: str, budget: str) -> Row:
    """Let one worker drain what the gateway left on `events`."""
    process = stage.service("worker", "processors", port_variable="WORKER_WEB_PORT")
    seconds, used = _drain(process, int(stage.environ["WORKER_WEB_PORT"]), 'processor_events_total{entity="observation"}', expected)
    stage.stop(process)
    return Row(
        f"processor, {label}",
        f"{expected / seconds:,.0f} events/s; one core: {expected / used:,.0f}",
        f"{used / expected * 1e6:.0f} µs",
        budget,
    )


def sink_stage(stage: Stage) -> Row:
    """Let the ClickHouse sink (chdb) drain every row topic."""
    rows = stage.backlog(ROW_TOPICS)
    process = stage.service("sink", "sinks", "clickhouse", port_variable="SINK_WEB_PORT")
    seconds, used = _drain(process, int(stage.environ["SINK_WEB_PORT"]), "sink_rows_total", rows)
    stage.stop(process)
    return Row(
        "ClickHouse sink (chdb), all tables",
        f"{rows / seconds:,.0f} rows/s; one core: {rows / used:,.0f}",
        f"{used / rows * 1e6:.0f} µs",
        "≥ 20,000 rows/s",
    )


def _drain(process: psutil.Process, port: int, name: str, expected: int) -> tuple[float, float]:
    """Return wall and CPU seconds from the first progress seen to the last record."""
    deadline = time.monotonic() + 300
    before = metric(port, name)
    started, used = time.monotonic(), cpu_seconds(process)
    while (done := metric(port, name)) < expected:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{name} stands at {done:.0f} of {expected}")
        time.sleep(DRAIN_POLL_SECONDS)
    share = (expected - before) / expected
    return (time.monotonic() - started) / share, (cpu_seconds(process) - used) / share


def stages(folder: Path) -> list[Row]:
    """Measure every stage by itself."""
    rows = []
    with Stage(folder / "stages") as stage:
        line, singles = gateway_stage(stage, 1, "≥ 8,000 requests/s")
        rows += [line, processor_stage(stage, singles, "one event a record", "≥ 2,500 events/s")]
    with Stage(folder / "batches") as stage:
        line, batched = gateway_stage(stage, 50, "≥ 30,000 events/s")
        rows += [line, processor_stage(stage, batched, "50 events a record", "≥ 5,000 events/s"), sink_stage(stage)]
    return rows


def end_to_end(folder: Path) -> list[Row]:
    """Measure the embedded stack as a user runs it."""
    paced = asyncio.run(latency(folder / "paced", requests_per_second=100, seconds=SECONDS))
    rows = [_latency_row("100 requests/s of one event", paced)]
    full = asyncio.run(throughput(folder / "full", events_per_request=20, seconds=SECONDS))
    cpu = ", ".join(f"{name} {micros:.0f}" for name, micros in full.cpu_micros.items())
    rows.append(
        Row(
            "whole stack, 20 events a request",
            f"{full.events_per_second:,.0f} events/s from first sent to last stored",
            f"{cpu} µs",
            "≥ 4,000 events/s",
        )
    )
    return rows


def _latency_row(label: str, measured: Latency) -> Row:
    rate = f"accepted → queryable p50 {measured.p50_ms:.0f} p99 {measured.p99_ms:.0f} ms"
    ack = f"ack p50 {measured.ack_p50_ms:.0f} p99 {measured.ack_p99_ms:.0f} ms"
    cost = f"{measured.cores:.2f} cores, {measured.memory_mb:,.0f} MB"
    return Row(f"whole stack, {label}", f"{rate}; {ack}", cost, "≤ 700 ms at defaults")


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| stage | rate | CPU per event | budget |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {row.stage} | {row.rate} | {row.cpu} | {row.budget} |" for row in rows)])


def main() -> None:
    """Measure everything and print the table."""
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        rows = [*stages(Path(folder)), *end_to_end(Path(folder))]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}, {SECONDS:.0f} s a load, {PAYLOAD_BYTES} B payloads")
    print()
    print(table(rows))


if __name__ == "__main__":
    main()
