"""Ten thousand hostile requests leave the gateway up and its memory bounded, and each is answered with a reason, never with a 5xx."""

import contextlib
import http.client
import os
import random
import socket
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import psutil
import pytest

from ingest_gateway.adapters.registry import ADAPTERS
from ingest_gateway.grpc_server import SERVICE_NAMES
from sluice.embedded.endpoints import Endpoints
from tests.embedded.reading import await_that
from tests.embedded.second_gateway import second_gateway
from tests.embedded.tenants import Tenant, call, new_tenant
from tests.hostile_bodies import Maker

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(900)]

REQUESTS = int(os.environ.get("HOSTILE_REQUESTS", "10000"))
SEED = int(os.environ.get("HOSTILE_SEED", "1"))
THREADS = 4
GRPC_SHARE = 0.1
RAW_SHARE = 0.02
MOST_GROWTH_BYTES = 400 * 1024 * 1024
"""What the process may have more after them than before: a few bodies of the largest size, and what the allocator keeps."""
MAX_BODY_BYTES = 4 * 1024 * 1024
GRPC_REFUSALS = {"OK", "INVALID_ARGUMENT", "UNAUTHENTICATED", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "UNIMPLEMENTED"}
METHODS = {
    "sluice.v1.Ingest": ("Ingest",),
    **dict.fromkeys((name for name in SERVICE_NAMES if name != "sluice.v1.Ingest"), ("Export",)),
}
ROUTES = [(route.method, route.path) for adapter in ADAPTERS for route in adapter.routes]
ROUTES += [("POST", "/api/public/media"), ("GET", "/api/public/media/{id}"), ("PUT", "/v1/objects/{token}"), ("GET", "/v1/objects/{token}")]
ROUTES += [
    ("POST", "/helicone/proxy/{key}/v1/chat/completions"),
    ("GET", "/api/v1/traces/{id}"),
    ("GET", "/api/v1/traces"),
    ("BREW", "/v1/events"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for this module's gateway."""
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture
def target(stack: Endpoints, folder: Path) -> Iterator[Endpoints]:
    """Run a gateway of its own, so that its memory and its log are about these requests."""
    with second_gateway(stack, folder, {"MAX_BODY_BYTES": str(MAX_BODY_BYTES)}) as endpoints:
        yield endpoints


class Attacker:
    """Sends its share of the requests over connections of its own."""

    def __init__(self, where: Endpoints, tenant: Tenant, seed: int) -> None:
        self._where = where
        self._tenant = tenant
        self._maker = Maker(seed)
        self._random = random.Random(seed)
        self.answers: Counter[str] = Counter()
        self.faults: list[str] = []

    def run(self, requests: int) -> None:
        """Send so many requests, one after another."""
        with grpc.insecure_channel(self._where.gateway_grpc, (("grpc.max_send_message_length", -1),)) as channel:
            for _ in range(requests):
                pick = self._random.random()
                if pick < RAW_SHARE:
                    self._raw()
                elif pick < RAW_SHARE + GRPC_SHARE:
                    self._grpc(channel)
                else:
                    self._http()

    def _key(self) -> str:
        keys = (self._tenant.ingest_key, f"sl-ingest-{self._random.randbytes(8).hex()}", self._tenant.read_key, "", "\xff\xfe")
        return self._random.choices(keys, (90, 1, 7, 1, 1))[0]

    def _http(self) -> None:
        method, pattern = self._random.choice(ROUTES)
        parts = (self._maker.path_part() if part.startswith("{") else part for part in pattern.split("/"))
        path = "/".join(parts) + self._random.choice(("", "", "?limit=-1", "?from=%00&limit=99999999999999999999", "?cursor=e30"))
        body, headers = self._maker.body()
        headers["authorization"] = f"Bearer {self._key()}"
        where = urlsplit(self._where.gateway_http)
        connection = http.client.HTTPConnection(where.hostname or "", where.port or 0, timeout=60)
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        self.answers[str(answer.status)] += 1
        has_reason = bool(said) or method == "HEAD"
        if answer.status >= 500 or (answer.status >= 400 and not has_reason):
            self.faults.append(f"{method} {path[:120]} {headers} {body[:200]!r}: {answer.status} {said[:200]!r}")

    def _grpc(self, channel: grpc.Channel) -> None:
        service = self._random.choice(list(METHODS))
        name = self._random.choice((*METHODS[service], *METHODS[service], "Nothing"))
        data = self._random.choice((self._maker.protobuf(), self._maker.body()[0], b""))
        try:
            channel.unary_unary(f"/{service}/{name}", None, None)(data, metadata=(("x-api-key", self._tenant.ingest_key),), timeout=60)
            code, said = "OK", "ok"
        except grpc.RpcError as error:
            code, said = error.code().name, error.details() or ""
        self.answers[code] += 1
        if code not in GRPC_REFUSALS or not said:
            self.faults.append(f"{service}/{name} {data[:200]!r}: {code} {said}")

    def _raw(self) -> None:
        """Send what is no HTTP; whatever comes back, the connection ends."""
        where = urlsplit(self._where.gateway_http)
        garbage = (
            self._random.randbytes(300),
            b"GET / HTTP/9.9\r\n\r\n",
            b"POST /v1/events HTTP/1.1\r\ncontent-length: -5\r\n\r\n",
            b"\r\n" * 500,
        )
        address = (where.hostname or "", where.port or 0)
        with socket.create_connection(address, timeout=60) as connection, contextlib.suppress(OSError):
            connection.sendall(self._random.choice(garbage))
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        self.answers["raw"] += 1


def test_hostile_requests_are_answered_and_survived(stack: Endpoints, target: Endpoints) -> None:
    """Every route of every protocol, gRPC and bare sockets; afterwards the same process takes an event, and the stack stores it."""
    tenant = new_tenant(stack, f"hostile-{uuid.uuid4().hex[:8]}")
    await_that(lambda: call(target, "POST", "/v1/events", b"[]", tenant.ingest_key).status != 401, 20)
    gateway = psutil.Process(target.processes["second_gateway"])  # type: ignore[no-untyped-call]
    Attacker(target, tenant, SEED - 1).run(200)  # what is loaded once is no growth
    before = gateway.memory_info().rss
    attackers = [Attacker(target, tenant, SEED * 1000 + number) for number in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda attacker: attacker.run(REQUESTS // THREADS), attackers))
    growth = gateway.memory_info().rss - before

    answers = sum((attacker.answers for attacker in attackers), Counter())
    print(f"seed {SEED}: {sum(answers.values())} requests, {growth / 1e6:.0f} MB more, {dict(sorted(answers.items()))}")  # noqa: T201  the finding
    assert [fault for attacker in attackers for fault in attacker.faults][:10] == []
    assert sum(answers.values()) == REQUESTS // THREADS * THREADS
    assert gateway.is_running()  # type: ignore[no-untyped-call]
    assert growth < MOST_GROWTH_BYTES
    trace_id = uuid.uuid4().hex
    event = {"entity": "trace", "entity_id": trace_id, "name": "after"}
    assert call(target, "POST", "/v1/events", [event], tenant.ingest_key).status == 200
    assert await_that(lambda: call(stack, "GET", f"/api/v1/traces/{trace_id}", None, tenant.read_key).status == 200, 120)


@pytest.mark.parametrize("document", ["/v1/openapi.json", "/openapi.json"])
def test_what_the_documents_allow_never_fails_the_server(stack: Endpoints, target: Endpoints, folder: Path, document: str) -> None:
    """Requests that schemathesis makes from both OpenAPI documents, valid and not."""
    key = stack.ingest_key if document.startswith("/v1") else stack.read_key
    command = (sys.executable, "-m", "schemathesis.cli", "run", f"{target.gateway_http}{document}", "--url", target.gateway_http)
    more = ("--checks", "not_a_server_error", "--max-examples", "60", "--seed", str(SEED), "--phases", "examples,coverage,fuzzing")
    quiet = ("--no-color", "-H", f"authorization: Bearer {key}", "--generation-database", "none")
    done = subprocess.run((*command, *more, *quiet), cwd=folder, capture_output=True, text=True, timeout=600, check=False)

    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
