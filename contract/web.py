"""A light ASGI layer: requests and responses as values, Granian as the server, health and metrics for every service."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from granian.constants import Interfaces, SSLProtocols
from granian.server.embed import Server
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from contract.errors import SettingsError
from contract.secrets import mask

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An HTTP answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


class HealthChecks(Protocol):
    """What a service says of itself; None means well, a sentence says what is wrong."""

    def alive(self) -> str | None:
        """Say why the process should be restarted, if it should."""

    def ready(self) -> str | None:
        """Say why no traffic should come, if none should."""


class BodyTooLargeError(Exception):
    """The body is over the limit; the rest of it was not read."""


class BodyEndedEarlyError(Exception):
    """The client went away before its body was whole."""


class BodyRefusedError(Exception):
    """There is no room for the body; the rest of it was not read."""


def _any_size(_size_bytes: int) -> bool:
    return True


async def read_body(receive: Receive, limit_bytes: int, admit: Callable[[int], bool] = _any_size) -> bytes:
    """Read a request's body.

    Raises BodyTooLargeError once it is over `limit_bytes`, BodyRefusedError once `admit` has no room for the next part's bytes, and
    BodyEndedEarlyError where it is cut off.
    """
    parts: list[bytes] = []
    total, is_more = 0, True
    while is_more:
        message = await _next_part(receive)
        part: bytes = message.get("body", b"")
        is_more = bool(message.get("more_body"))
        total += len(part)
        if total > limit_bytes:
            raise BodyTooLargeError
        if part and not admit(len(part)):
            raise BodyRefusedError
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def discard_body(receive: Receive, limit_bytes: int) -> None:
    """Read on without keeping anything, up to `limit_bytes`: most clients only read an answer once they have sent everything."""
    total = 0
    while total <= limit_bytes:
        message = await receive()
        total += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return


async def _next_part(receive: Receive) -> MutableMapping[str, Any]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise BodyEndedEarlyError
    return message


async def respond(send: Send, response: Response) -> None:
    """Send `response`."""
    headers = [(b"content-type", response.content_type.encode()), (b"content-length", str(len(response.body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in response.headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


def lower_headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return ASGI headers as a dict, names lower-case, a repeated header's last value."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in pairs}


def peer_of(scope: Scope) -> str:
    """Return the address that connected."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def health_response(path: str, checks: HealthChecks) -> Response | None:
    """Answer /healthz, /readyz and /metrics; None for every other path."""
    match path:
        case "/healthz":
            return _verdict(checks.alive())
        case "/readyz":
            return _verdict(checks.ready())
        case "/metrics":
            return Response(body=generate_latest(), content_type=CONTENT_TYPE_LATEST)
    return None


def _verdict(complaint: str | None) -> Response:
    said = "ok" if complaint is None else mask(complaint)
    return Response(status=200 if complaint is None else 503, body=said.encode() + b"\n", content_type="text/plain")


def health_app(checks: HealthChecks) -> AsgiApp:
    """Return an app that only answers health and metrics, for services without routes of their own."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  ASGI's signature
        found = health_response(scope["path"], checks)
        await respond(send, found or Response(status=404, body=b"not found\n", content_type="text/plain"))

    return app


def free_port() -> int:
    """Return a TCP port that nothing listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate chain and its key, PEM files."""

    chain: Path
    key: Path


def checked_certificate(chain: Path | None, key: Path | None, names: tuple[str, str]) -> Certificate | None:
    """Return a certificate to answer with, None where there is none; raise SettingsError where half is missing or it cannot be read.

    `names` are the variables that chain and key come from.
    """
    if chain is None and key is None:
        return None
    if chain is None or key is None:
        raise SettingsError([f"{names[0]} and {names[1]} go together; one of them is not set"])
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError([f"{names[0]}={chain}: {error}"]) from error
    return Certificate(chain, key)


class HttpServer:
    """Granian in this process, on the running event loop. Port 0 picks a free one; `port` tells which."""

    def __init__(self, app: AsgiApp, host: str, port: int, certificate: Certificate | None = None) -> None:
        self.port = port or free_port()
        self._server = Server(
            app,
            address=host,
            port=self.port,
            interface=Interfaces.ASGINL,
            log_enabled=False,
            backlog=2048,
            websockets=False,
            ssl_cert=certificate.chain if certificate else None,
            ssl_key=certificate.key if certificate else None,
            ssl_protocol_min=SSLProtocols.tls12,
        )
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen; returns once connections are taken. Raises OSError where the port is taken."""
        self._serving = asyncio.create_task(self._server.serve())
        for _ in range(500):
            if self._serving.done():
                self._serving.result()
                raise OSError(f"the server on port {self.port} ended at once")
            if self._server.wrks:
                return
            await asyncio.sleep(0.01)
        raise OSError(f"the server on port {self.port} did not start")

    async def stop(self) -> None:
        """Stop listening and wait for the requests in flight."""
        if self._serving is not None:
            self._server.stop()  # type: ignore[no-untyped-call]
            await self._serving
