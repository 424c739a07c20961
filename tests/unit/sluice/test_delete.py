"""`sluice delete` against a server that answers as a gateway does."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sluice.__main__ import main
from sluice.delete import Api, carried_out

RECEIPT = {
    "receipt_id": "r-1",
    "project_id": "p",
    "kind": "user",
    "id": "u",
    "requested_at": "2026-11-21T12:00:00Z",
    "finished_at": None,
    "traces": 2,
    "observations": 3,
    "scores": 0,
    "objects": 1,
}


class Gateway(ThreadingHTTPServer):
    """Answers with what is queued, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[tuple[str, str, str | None, Any]] = []

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.server_port}"


class _Requests(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.asked.append((self.command, self.path, self.headers["authorization"], json.loads(body) if body else None))
        status, answer = self.server.answers.pop(0)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """A server, and the key in the environment."""
    monkeypatch.setenv("SLUICE_ADMIN_KEY", "sl-admin-1")
    server = Gateway()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_asks_until_the_deletion_is_finished(gateway: Gateway) -> None:
    """An unfinished receipt and a passing fault are asked about again; the finished receipt is the result."""
    finished = {**RECEIPT, "finished_at": "2026-11-21T12:00:09Z"}
    gateway.answers = [(202, RECEIPT), (503, {}), (200, finished)]
    pauses: list[float] = []

    receipt = carried_out(Api(gateway.url, "sl-admin-1"), "user", "u", 60.0, pauses.append)

    assert (receipt, len(pauses)) == (finished, 2)
    assert gateway.asked == [("POST", "/api/v1/deletions", "Bearer sl-admin-1", {"kind": "user", "id": "u"})] * 3


def test_it_gives_up_when_the_time_is_over(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit status says so, and the message that the same command goes on."""
    gateway.answers = [(202, RECEIPT)]
    assert main(["delete", "user", "u", "--yes", "--url", gateway.url, "--timeout", "-1"]) == 1
    assert "goes on" in capsys.readouterr().err


def test_a_refusal_is_said_and_not_repeated(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    """A key that may not delete is no passing fault."""
    gateway.answers = [(403, {"error": {"code": "forbidden"}})]
    assert main(["delete", "user", "u", "--yes", "--url", gateway.url]) == 1
    assert "forbidden" in capsys.readouterr().err


def test_receipts_are_listed(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    """Every one with what it says."""
    gateway.answers = [(200, {"data": [RECEIPT]})]
    assert main(["delete", "receipts", "--url", gateway.url]) == 0
    assert "user" in capsys.readouterr().out
