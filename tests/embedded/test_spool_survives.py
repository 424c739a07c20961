"""A real gateway with a spool while Kafka is away: killed while it spools and while it drains, started cold, out of room."""

import json
import os
import resource
import signal
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from contract.standstill import GroupPositions
from contract.topics import EVENTS
from contract.web import free_port
from sluice.embedded.endpoints import Endpoints
from tests.embedded.own_process import Own, kafka_of, own_process
from tests.embedded.reading import await_that, get

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(300)]

WITHIN_SECONDS = 120.0
FILE_BYTES = 300_000


@contextmanager
def kafka_away(stack: Endpoints) -> Iterator[None]:
    """Hold the broker still while the block lasts."""
    broker = stack.processes["kafka"]
    os.kill(broker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(broker, signal.SIGCONT)


@contextmanager
def spooling_gateway(stack: Endpoints, folder: Path, *, file_bytes: int | None = None) -> Iterator[Own]:
    """A gateway on `folder`, which has its spool and its copy of projects and keys; with `file_bytes` no file may grow larger."""
    ports = {name: str(free_port()) for name in ("GATEWAY_HTTP_PORT", "GATEWAY_GRPC_PORT", "OTLP_HTTP_PORT")}
    environ = {**ports, "SPOOL_DIR": str(folder / "spool"), "CONTROL_SNAPSHOT_FILE": str(folder / "control.json")}
    with own_process(stack, folder, ("ingest_gateway",), environ) as started:
        if file_bytes is not None:
            resource.prlimit(started.process.pid, resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
        gateway = started._replace(web=f"http://127.0.0.1:{ports['GATEWAY_HTTP_PORT']}")
        await_that(lambda: gateway.says("/readyz")[0] == 200 or gateway.says("/readyz")[1].startswith("no "), WITHIN_SECONDS)
        yield gateway


class Client:
    """Sends one observation a request and writes down what was acknowledged."""

    def __init__(self, stack: Endpoints, session_id: str) -> None:
        self._key = stack.ingest_key
        self._session_id = session_id
        self.sent = 0
        self.acknowledged: list[str] = []

    def send(self, gateway: Own, padding: int = 2_000) -> int:
        """Send the next trace; return the status, 0 where no answer came."""
        self.sent += 1
        trace_id = f"{self._session_id}-{self.sent}"
        said: dict[str, Any] = {"entity": "observation", "entity_id": f"{trace_id}-o", "trace_id": trace_id, "kind": "generation"}
        said |= {"event_id": f"{trace_id}-1", "usage": {"input": 1}, "input": os.urandom(padding // 2).hex()}
        whole = {"event_id": f"{trace_id}-2", "entity": "trace", "entity_id": trace_id, "session_id": self._session_id}
        headers = {"authorization": f"Bearer {self._key}"}
        request = urllib.request.Request(f"{gateway.web}/v1/events", data=json.dumps([said, whole]).encode(), headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                status = int(response.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0
        self.acknowledged.append(trace_id)
        return status


def assert_each_once(stack: Endpoints, client: Client) -> None:
    """All that was acknowledged is stored, and the session's totals are those of the traces that are stored, each counted once."""

    def complete() -> bool:
        for trace_id in client.acknowledged:
            trace = get(stack, f"/api/v1/traces/{trace_id}")
            assert (len(trace["observations"]), trace["observation_count"], trace["usage"]) == (1, 1, {"input": 1}), trace_id
        return True

    assert await_that(complete, WITHIN_SECONDS)
    assert await_that(lambda: session_of(stack, client)["trace_count"] >= len(client.acknowledged), WITHIN_SECONDS)
    session = session_of(stack, client)
    assert session["observation_count"] == session["trace_count"] == session["usage"]["input"] <= client.sent


def session_of(stack: Endpoints, client: Client) -> Any:
    """Return the session as the read API tells it."""
    return get(stack, f"/api/v1/sessions/{client._session_id}")


def end_of_events(stack: Endpoints) -> int:
    """Return how many records `events` has ever taken."""
    return sum(position.end for position in GroupPositions(kafka_of(stack), "nobody", (EVENTS,))().values())


def kill(gateway: Own) -> None:
    """End it without warning."""
    gateway.process.kill()
    gateway.process.wait()


def test_a_gateway_that_is_killed_while_it_spools_and_drains_loses_and_doubles_nothing(stack: Endpoints, tmp_path: Path) -> None:
    """Killed twice on the same folder: in the outage, where the next one starts cold and takes events, and while it drains."""
    client = Client(stack, f"spool-{uuid.uuid4().hex[:8]}")
    with spooling_gateway(stack, tmp_path) as gateway:
        assert [client.send(gateway) for _ in range(5)] == [200] * 5
        with kafka_away(stack):
            assert [client.send(gateway) for _ in range(40)] == [200] * 40
            kill(gateway)
            with spooling_gateway(stack, tmp_path) as second:
                assert [client.send(second, 400_000) for _ in range(40)] == [200] * 40
                kill(second)
            assert list((tmp_path / "spool").glob("*.journal"))
    before = end_of_events(stack)
    with spooling_gateway(stack, tmp_path) as third:
        await_that(lambda: end_of_events(stack) > before, WITHIN_SECONDS)
        kill(third)
    with spooling_gateway(stack, tmp_path) as last:
        assert await_that(lambda: not list((tmp_path / "spool").glob("*.journal")), WITHIN_SECONDS)
        assert client.send(last) == 200
        assert_each_once(stack, client)

    assert len(client.acknowledged) == 86


def test_a_disk_without_room_is_said_and_passes(stack: Endpoints, tmp_path: Path) -> None:
    """The kernel refuses the write: 503 with a reason, smaller events go on, and the large one is taken once Kafka is back."""
    client = Client(stack, f"room-{uuid.uuid4().hex[:8]}")
    with spooling_gateway(stack, tmp_path, file_bytes=FILE_BYTES) as gateway:
        with kafka_away(stack):
            assert client.send(gateway) == 200
            assert client.send(gateway, 2 * FILE_BYTES) == 503
            assert [client.send(gateway) for _ in range(3)] == [200] * 3
            assert gateway.process.poll() is None
        since = time.monotonic()
        while (status := client.send(gateway, 2 * FILE_BYTES)) != 200:
            assert status == 503
            assert time.monotonic() - since < WITHIN_SECONDS
        assert_each_once(stack, client)
