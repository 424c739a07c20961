"""SIGTERM on real processes: what is in flight is finished, within SHUTDOWN_TIMEOUT_SECONDS, and nothing is left to be done twice."""

import json
import os
import signal
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from contract.web import free_port
from sluice.embedded.endpoints import Endpoints
from tests.embedded.own_process import Own, at_the_end, own_process, waiting
from tests.embedded.reading import await_that, get

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(240)]

TIMEOUT_SECONDS = 20
SLACK_SECONDS = 15.0
READY_SECONDS = 60.0
WINDOW_SECONDS = 6.0


def send(gateway_http: str, key: str, trace_id: str) -> int:
    """POST one trace over a new connection; return the status."""
    return send_statement(gateway_http, key, {"event_id": f"{trace_id}-1", "entity": "trace", "entity_id": trace_id, "name": "kept"})


def send_statement(gateway_http: str, key: str, statement: dict[str, Any]) -> int:
    """POST one statement over a new connection; return the status."""
    headers = {"authorization": f"Bearer {key}"}
    request = urllib.request.Request(f"{gateway_http}/v1/events", data=json.dumps([statement]).encode(), headers=headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return int(response.status)


def ended(own: Own, since: float) -> int:
    """Return the exit status of a process that had SIGTERM at `since`; fail where it takes longer than it may."""
    status = own.process.wait(TIMEOUT_SECONDS + SLACK_SECONDS)
    assert time.monotonic() - since < TIMEOUT_SECONDS + SLACK_SECONDS
    return status


def test_a_gateway_goes_on_for_its_accept_window(stack: Endpoints, tmp_path: Path) -> None:
    """After SIGTERM /readyz and gRPC's health say no at once, new connections are served until the window is over, then it ends well."""
    ports = {name: str(free_port()) for name in ("GATEWAY_HTTP_PORT", "GATEWAY_GRPC_PORT", "OTLP_HTTP_PORT")}
    environ = {**ports, "ACCEPT_WINDOW_SECONDS": str(WINDOW_SECONDS), "SHUTDOWN_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS)}
    trace_id = uuid.uuid4().hex
    with own_process(stack, tmp_path, ("ingest_gateway",), environ) as started:
        gateway = started._replace(web=f"http://127.0.0.1:{ports['GATEWAY_HTTP_PORT']}")
        await_that(gateway.is_ready, READY_SECONDS)
        since = time.monotonic()
        gateway.process.send_signal(signal.SIGTERM)

        assert await_that(lambda: gateway.says("/readyz") == (503, "shutting down\n"), WINDOW_SECONDS)
        assert send(gateway.web, stack.ingest_key, trace_id) == 200
        with grpc.insecure_channel(f"127.0.0.1:{ports['GATEWAY_GRPC_PORT']}") as channel:
            health = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call]
            asked = health_pb2.HealthCheckRequest(service="")
            assert await_that(lambda: health.Check(asked).status == health_pb2.HealthCheckResponse.NOT_SERVING, WINDOW_SECONDS)
        assert gateway.says("/healthz")[0] == 200
        assert ended(gateway, since) == 0
        assert time.monotonic() - since >= WINDOW_SECONDS

    assert await_that(lambda: get(stack, f"/api/v1/traces/{trace_id}")["name"] == "kept", READY_SECONDS)


def test_a_worker_ends_its_step_and_commits_it(stack: Endpoints, tmp_path: Path) -> None:
    """What it had processed when SIGTERM came is committed, so that the next one has nothing to repeat."""
    group = f"drained-{uuid.uuid4().hex[:8]}"
    at_the_end(stack, group)
    environ = {"WORKER_GROUP": group, "SHUTDOWN_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS)}
    with own_process(stack, tmp_path, ("processors",), environ) as worker:
        await_that(worker.is_ready, READY_SECONDS)
        for number in range(20):
            send(stack.gateway_http, stack.ingest_key, f"{group}-{number}")
        since = time.monotonic()
        worker.process.send_signal(signal.SIGTERM)

        assert ended(worker, since) == 0
        assert "worker_drained" in worker.log.read_text()
    left = waiting(stack, group)
    with own_process(stack, tmp_path, ("processors",), environ) as worker:
        await_that(worker.is_ready, READY_SECONDS)
        assert await_that(lambda: waiting(stack, group) == 0, READY_SECONDS)
        assert records_processed(worker) == left


def test_a_worker_without_a_static_name_comes_back_after_a_kill(stack: Endpoints, tmp_path: Path) -> None:
    """The group waits for the one that was killed until its session is over; waiting to join is no reason to leave."""
    group = f"killed-{uuid.uuid4().hex[:8]}"
    at_the_end(stack, group)
    environ = {"WORKER_GROUP": group, "WORKER_SESSION_TIMEOUT_SECONDS": "12"}
    with own_process(stack, tmp_path, ("processors",), environ) as worker:
        await_that(worker.is_ready, READY_SECONDS)
        worker.process.kill()
        worker.process.wait()
    with own_process(stack, tmp_path, ("processors",), environ) as worker:
        assert await_that(worker.is_ready, READY_SECONDS)
        send(stack.gateway_http, stack.ingest_key, f"{group}-1")
        assert await_that(lambda: waiting(stack, group) == 0, READY_SECONDS)


def records_processed(worker: Own) -> int:
    """Return how many records a worker has processed, by its own count."""
    _, text = worker.says("/metrics")
    return int(next(float(line.split()[1]) for line in text.splitlines() if line.startswith("processor_records_total ")))


def test_a_sink_stores_what_it_holds(stack: Endpoints, tmp_path: Path) -> None:
    """An archive sink that would wait an hour writes its objects when SIGTERM comes, and commits them."""
    group = f"drained-{uuid.uuid4().hex[:8]}"
    at_the_end(stack, group)
    environ = {"ARCHIVE_GROUP": group, "ARCHIVE_INTERVAL_SECONDS": "3600", "SHUTDOWN_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS)}
    with own_process(stack, tmp_path, ("sinks", "archive"), environ) as sink:
        await_that(sink.is_ready, READY_SECONDS)
        for number in range(20):
            send(stack.gateway_http, stack.ingest_key, f"{group}-{number}")
        assert await_that(lambda: held_bytes(sink) > 0 and waiting(stack, group) == 20, READY_SECONDS)
        assert list((tmp_path / "objects").rglob("*.avro")) == []
        since = time.monotonic()
        os.kill(sink.process.pid, signal.SIGTERM)

        assert ended(sink, since) == 0
    assert waiting(stack, group) == 0
    assert list((tmp_path / "objects").rglob("*.avro"))


def held_bytes(sink: Own) -> float:
    """Return what a sink holds between Kafka and its store."""
    _, text = sink.says("/metrics")
    return next((float(line.split()[1]) for line in text.splitlines() if line.startswith("sink_held_bytes")), 0.0)
