"""Real SDKs at default settings that go on working while Kafka is away; what each has made is stored, once.

`python -m tests.clients.outage --seconds 600` measures a long outage and prints a table; the test suite runs a short one.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
import time
import urllib.error
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import run
from typing import NamedTuple

from sluice.embedded import running
from sluice.embedded.endpoints import Endpoints
from tests.clients import outage_scripts as scripts
from tests.clients.environments import KEPT, client_python
from tests.embedded.reading import await_that, get

STORED_WITHIN_SECONDS = 120.0
ENDED_WITHIN_SECONDS = 180.0
BEFORE_SECONDS = 5.0
AFTER_SECONDS = 10.0


class Sdk(NamedTuple):
    """A client: the environment that has it (None: the tests' own), what it runs, and what its environment says."""

    environment: str | None
    script: str
    environ: Mapping[str, str]


@dataclass(slots=True)
class Made:
    """What one SDK made and what became of it; `complaints` are lines on its stderr."""

    traces: list[str]
    complaints: int
    said: str
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)


def sdks(stack: Endpoints) -> dict[str, Sdk]:
    """Return every SDK by name, pointed at the gateway and otherwise at its defaults."""
    key, base = stack.ingest_key, stack.gateway_http
    langfuse = {"LANGFUSE_HOST": base, "LANGFUSE_BASE_URL": base, "LANGFUSE_PUBLIC_KEY": stack.public_key, "LANGFUSE_SECRET_KEY": key}
    langsmith = {"LANGSMITH_ENDPOINT": f"{base}/langsmith", "LANGSMITH_API_KEY": key, "LANGSMITH_TRACING": "true"}
    langsmith |= {"LANGCHAIN_ENDPOINT": f"{base}/langsmith", "LANGCHAIN_API_KEY": key, "LANGCHAIN_TRACING_V2": "true"}
    opik = {"OPIK_URL_OVERRIDE": f"{base}/opik/api/", "OPIK_API_KEY": key, "OPIK_WORKSPACE": "default", "OPIK_SENTRY_ENABLE": "false"}
    headers = {"OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{key}"}
    http = {**headers, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_http}
    grpc = {**headers, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{stack.gateway_grpc}"}
    return {
        "langfuse 2": Sdk("langfuse-2", scripts.LANGFUSE_2, langfuse),
        "langfuse 3": Sdk("langfuse-3", scripts.LANGFUSE_OTEL, langfuse),
        "langfuse 5": Sdk(None, scripts.LANGFUSE_OTEL, langfuse),
        "langsmith 0.1": Sdk("langsmith-0.1", scripts.LANGSMITH, langsmith),
        "langsmith 0.14": Sdk("langsmith-0.14", scripts.LANGSMITH, langsmith),
        "opik 1.7": Sdk("opik-1.7", scripts.OPIK, opik),
        "opik 2.2": Sdk("opik-2.2", scripts.OPIK, opik),
        "opentelemetry http": Sdk(None, scripts.OPENTELEMETRY, http),
        "opentelemetry grpc": Sdk(None, scripts.OPENTELEMETRY, grpc),
        "helicone": Sdk("helicone", scripts.HELICONE, {"ENDPOINT": f"{base}/helicone", "KEY": key}),
    }


def speak(sdk: Sdk, home: Path, seconds: float, every: float) -> Made:
    """Run an SDK's program to its end; fail with what it said where it does not end well."""
    python = sys.executable if sdk.environment is None else str(client_python(sdk.environment))
    environ = {"PATH": os.environ.get("PATH", ""), "HOME": str(home), "SECONDS": str(seconds), "EVERY": str(every), **sdk.environ}
    command = [python, "-W", "ignore", "-c", scripts.START + sdk.script + scripts.END]
    done = run(command, env=environ, capture_output=True, text=True, timeout=seconds + ENDED_WITHIN_SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return Made(json.loads(done.stdout.splitlines()[-1]), len(done.stderr.splitlines()), done.stderr)


@contextmanager
def kafka_away(stack: Endpoints, after_seconds: float, seconds: float) -> Iterator[None]:
    """Hold the broker still for `seconds`, beginning in `after_seconds`; it is well again when the block is left."""
    broker = stack.processes["kafka"]
    timers = [
        threading.Timer(after_seconds, os.kill, (broker, signal.SIGSTOP)),
        threading.Timer(after_seconds + seconds, os.kill, (broker, signal.SIGCONT)),
    ]
    for timer in timers:
        timer.start()
    try:
        yield
    finally:
        for timer in timers:
            timer.join()


def all_speak(stack: Endpoints, home: Path, seconds: float, every: float) -> dict[str, Made]:
    """Run every SDK's program at the same time."""
    found = sdks(stack)
    for sdk in found.values():
        if sdk.environment is not None:
            client_python(sdk.environment)
    with ThreadPoolExecutor(len(found)) as pool:
        futures = {name: pool.submit(speak, sdk, home, seconds, every) for name, sdk in found.items()}
        return {name: future.result() for name, future in futures.items()}


def compare(stack: Endpoints, made: Mapping[str, Made]) -> None:
    """Fill in what was lost and what is stored twice, once everything has had its time to arrive."""
    deadline = time.monotonic() + STORED_WITHIN_SECONDS
    for one in made.values():
        for trace_id in one.traces:
            count = _observations(stack, trace_id, deadline)
            if count == 0:
                one.lost.append(trace_id)
            elif count > 1:
                one.doubled.append(trace_id)


def _observations(stack: Endpoints, trace_id: str, deadline: float) -> int:
    """Return how many observations a trace has, and says it has, waiting until `deadline` for the first."""

    def counted() -> int:
        trace = get(stack, f"/api/v1/traces/{trace_id}")
        listed, total = len(trace["observations"]), int(trace["observation_count"])
        return max(listed, total) if listed == total else 0

    try:
        return int(await_that(counted, max(0.0, deadline - time.monotonic())))
    except (AssertionError, urllib.error.HTTPError):
        return 0


def table(made: Mapping[str, Made]) -> str:
    """Return the outcome as Markdown."""
    lines = ["| client | traces made | lost | stored twice | lines on stderr |", "|---|---|---|---|---|"]
    lines += [f"| {name} | {len(one.traces)} | {len(one.lost)} | {len(one.doubled)} | {one.complaints} |" for name, one in made.items()]
    return "\n".join(lines)


def main() -> int:
    """Measure an outage on a stack of its own; 1 where anything was lost or doubled."""
    parser = argparse.ArgumentParser(prog="python -m tests.clients.outage", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--every", type=float, default=1.0)
    arguments = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        stack = running.start(Path(folder) / "stack")
        try:
            found = stack.endpoints
            lasting = BEFORE_SECONDS + arguments.seconds + AFTER_SECONDS
            with kafka_away(found, BEFORE_SECONDS, arguments.seconds):
                made = all_speak(found, Path(folder), lasting, arguments.every)
            began = time.monotonic()
            compare(found, made)
            sys.stdout.write(f"{table(made)}\n\neverything read back {time.monotonic() - began:.0f} s after the last SDK had ended\n")
            for name, one in made.items():
                if one.said:
                    sys.stdout.write(f"--- {name}\n{one.said[-1500:]}\n")
        finally:
            stack.stop()
    return 1 if any(one.lost or one.doubled for one in made.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
