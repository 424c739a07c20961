"""LangSmith's SDKs over a passing fault: refused at first, they send again, and nothing is lost."""

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from contract.keys import Project
from ingest_gateway.adapters.base import Decoded, Failure, FailureKind, WireRequest
from ingest_gateway.adapters.langsmith.adapter import LANGSMITH
from ingest_gateway.domain.decompression import decompressed
from tests.clients.environments import run_script

FEW = """
import langsmith, uuid, datetime as dt
client = langsmith.Client()
for number in range(5):
    run, now = uuid.uuid4(), dt.datetime.now(dt.timezone.utc)
    order = f"{now:%Y%m%dT%H%M%S%fZ}{run}"
    client.create_run(f"t{number}", {"n": number}, "chain", id=run, trace_id=run, dotted_order=order, start_time=now, end_time=now)
if hasattr(client, "flush"):
    client.flush()
client.tracing_queue.join()
"""
REFUSALS = 2
SHORT_WAIT_SECONDS = "1"
"""Instead of the real one, so that the test is short; that SDKs wait longer ones out as well was measured up to 120."""


@pytest.mark.parametrize("kind", [FailureKind.UNAVAILABLE, FailureKind.OVERLOADED])
@pytest.mark.parametrize("generation", ["langsmith-0.1", "langsmith-0.7", "langsmith-0.14"])
def test_nothing_is_lost_over_a_passing_fault(generation: str, kind: FailureKind) -> None:
    """Every run is taken in the end, by each generation's own way of waiting."""
    with faulty_gateway(REFUSALS, kind) as (base_url, taken, waits):
        environ = {"LANGSMITH_ENDPOINT": base_url, "LANGSMITH_API_KEY": "k", "LANGSMITH_TRACING": "true"}
        done = run_script(generation, FEW, environ, 60)

    assert (done.returncode, done.stderr) == (0, "")
    assert taken == {f"t{number}" for number in range(5)}
    assert waits == ["30"] * REFUSALS


@contextmanager
def faulty_gateway(refusals: int, kind: FailureKind) -> Iterator[tuple[str, set[str], list[str]]]:
    """Yield the address of a server that answers as the adapter does, at first with `kind`; what it took; how long it asked to wait."""
    taken: set[str] = set()
    waits: list[str] = []
    lock = threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = decompressed(self.rfile.read(int(headers.get("content-length", "0"))), headers.get("content-encoding", ""), 1 << 20)
            request = WireRequest(
                method=self.command,
                path=self.path.partition("?")[0],
                headers=headers,
                body=body,
                received_at=time.time_ns() // 1000,
                project=Project("p", "P", "k"),
            )
            outcome = LANGSMITH.decode(request)
            with lock:
                if isinstance(outcome, Decoded) and outcome.events:
                    if len(waits) < refusals:
                        outcome = Failure(kind=kind, message="wait")
                    else:
                        taken.update(event.fields["name"] for event in outcome.events)
                said = LANGSMITH.encode(request, outcome)
                if "retry-after" in said.headers:
                    waits.append(said.headers["retry-after"])
                    said.headers["retry-after"] = SHORT_WAIT_SECONDS
            self.send_response(said.status)
            for name, value in {**said.headers, "content-length": str(len(said.body)), "content-type": said.content_type}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.body)

        do_GET = do_POST = do_PATCH = answer  # noqa: N815  the base class names them so

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", taken, waits
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
