"""The pass-through proxy: `/helicone/proxy/<key>/v1/…` goes to an OpenAI-compatible API, and what passes is recorded.

The key may also stand behind `v1` (`/helicone/proxy/v1/<key>/…`, as Helicone and Open WebUI write it) or in Helicone-Auth. Answers are
passed on piece by piece as they arrive. The call itself never waits for the pipeline, nor fails with it.
"""

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import aiohttp
import msgspec
from multidict import CIMultiDict
from yarl import URL

from contract.errors import AccessError
from contract.keys import Presented, Project, presented
from contract.web import Receive, Response, Scope, Send, lower_headers, peer_of, respond
from ingest_gateway.adapters.base import Failure
from ingest_gateway.adapters.helicone.proxied import Copy, Seen, operation_of
from ingest_gateway.adapters.statuses import HTTP_STATUSES
from ingest_gateway.domain.admission import Hold
from ingest_gateway.domain.previews import Preview
from ingest_gateway.forward import HOP_BY_HOP
from ingest_gateway.ingest import Ingest
from ingest_gateway.proxy_records import Recorder
from ingest_gateway.settings import ProxySettings

logger = logging.getLogger(__name__)

PREFIX = "/helicone/proxy/"
VERSION = "v1"
KEY_MARK = "sl-"
UPWARDS = frozenset({".", ".."})
CONNECT_TIMEOUT_SECONDS = 10.0
MOST_HEADER_BYTES = 64 * 1024
OWN_HEADERS = frozenset({"helicone-auth", "x-sluice-key", "expect", "accept-encoding"})
"""Not passed on: Sluice's key, what the next hop states anew, and Accept-Encoding, since a recorded answer must be readable."""
AUTO_HEADERS = ("User-Agent", "Accept-Encoding", "Accept", "Content-Type")
US_PER_SECOND = 1_000_000
BODILESS_STATUSES = frozenset({204, 304})


class Destination(NamedTuple):
    """What a path asks for: the key in it, if there is one, and what stands behind `v1/`, as the client escaped it."""

    key: str | None
    rest: str


def is_proxied(path: str) -> bool:
    """Tell whether `path` is the proxy's."""
    return path.startswith(PREFIX)


def destination_of(path: str) -> Destination | None:
    """Read an escaped path; None where it does not lead to `v1`, or climbs out of it again."""
    parts = path.removeprefix(PREFIX).split("/")
    if any(unquote(part) in UPWARDS for part in parts):
        return None
    if parts[0] == VERSION:
        has_key = len(parts) > 1 and parts[1].startswith(KEY_MARK)
        return Destination(unquote(parts[1]), "/".join(parts[2:])) if has_key else Destination(None, "/".join(parts[1:]))
    if len(parts) > 1 and parts[1] == VERSION and parts[0]:
        return Destination(unquote(parts[0]), "/".join(parts[2:]))
    return None


class ClientGoneError(Exception):
    """The client went away while it was sending."""


@dataclass(slots=True, kw_only=True)
class _Passage:
    """One call while it passes."""

    call_id: str
    started_at: int
    started: float
    request: Preview
    answer: Preview
    held: Hold
    body_is_read: asyncio.Event = field(default_factory=asyncio.Event)
    status: int | None = None
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    first_byte: float | None = None
    error: str | None = None
    is_cancelled: bool = False

    def time_of(self, moment: float) -> int:
        """Return a moment of the monotonic clock as a time, µs."""
        return self.started_at + round((moment - self.started) * US_PER_SECOND)


class Proxy:
    """Passes calls on and has them recorded."""

    def __init__(self, ingest: Ingest, settings: ProxySettings, recorder: Recorder | None = None) -> None:
        self._ingest = ingest
        self._settings = settings
        self._target = settings.target_url.rstrip("/") if settings.target_url else None
        self._recorder = recorder or Recorder(ingest)
        self._session: aiohttp.ClientSession | None = None

    async def close(self, timeout_seconds: float) -> None:
        """Let the last records be stored and close the connections."""
        await self._recorder.close(timeout_seconds)
        if self._session is not None:
            await self._session.close()

    async def pass_on(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Answer with what the API answers; returns the status."""
        if self._target is None:
            return await _refuse(send, 404, "proxy_off", "the proxy is off: set PROXY_TARGET_URL to the API's base URL")
        path = _escaped_path(scope)
        destination = destination_of(path)
        if destination is None:
            return await _refuse(send, 404, "not_found", f"the proxy's paths are {PREFIX}<key>/{VERSION}/…")
        headers = lower_headers(scope["headers"])
        project = self._authorised(headers, peer_of(scope), destination.key)
        if isinstance(project, Failure):
            return await _refuse(send, HTTP_STATUSES[project.kind], "invalid_sluice_key", project.message)
        passage = _Passage(
            call_id=headers.get("helicone-request-id", "").strip() or str(uuid.uuid4()),
            started_at=self._ingest.clock(),
            started=time.perf_counter(),
            request=Preview(self._settings.preview_bytes),
            answer=Preview(self._settings.preview_bytes),
            held=self._ingest.holding.hold(project.project_id),
        )
        try:
            return await self._pass(scope, headers, destination, passage, receive, send)
        finally:
            self._record(project, scope["method"], headers, destination, passage)

    def _authorised(self, headers: Mapping[str, str], peer: str, key: str | None) -> Project | Failure:
        """Return the key's project. Authorization is the provider's: only Helicone-Auth and X-Sluice-Key can carry Sluice's."""
        own = {name: value for name, value in headers.items() if name in ("helicone-auth", "x-sluice-key", "x-forwarded-for")}
        return self._ingest.authorise(own, "ingest", peer, key)

    async def _pass(
        self, scope: Scope, headers: Mapping[str, str], destination: Destination, passage: _Passage, receive: Receive, send: Send
    ) -> int:
        """Pass the call on until it ends or its client goes away, which ends the call behind too."""
        passing = asyncio.create_task(self._exchange(scope, headers, destination, passage, receive, send))
        watching = asyncio.create_task(_gone(passage, receive))
        try:
            await asyncio.wait({passing, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not passing.done():
                passage.is_cancelled = True
                passing.cancel()
                await asyncio.wait({passing})
                return passage.status or 499
            return await passing
        finally:
            watching.cancel()
            if not passing.done():
                passage.is_cancelled = True
                passing.cancel()

    async def _exchange(
        self, scope: Scope, headers: Mapping[str, str], destination: Destination, passage: _Passage, receive: Receive, send: Send
    ) -> int:
        try:
            async with self._asked(scope, headers, destination, passage, receive) as answer:
                passage.status = answer.status
                passage.answer_headers = {name.lower(): value for name, value in answer.headers.items()}
                start = {"type": "http.response.start", "status": answer.status, "headers": _passed(answer.raw_headers, passage.call_id)}
                await send(start)
                async for piece in answer.content.iter_any():
                    if passage.first_byte is None:
                        passage.first_byte = time.perf_counter()
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                    self._copy(passage, passage.answer, piece)
                await send({"type": "http.response.body", "body": b""})
                return answer.status
        except (aiohttp.ClientError, ClientGoneError, TimeoutError, OSError) as error:
            if isinstance(error, aiohttp.ClientConnectorError) and not passage.body_is_read.is_set():
                await self._read_for_the_record(passage, receive)
            return await self._broken(error, passage, send)

    async def _read_for_the_record(self, passage: _Passage, receive: Receive) -> None:
        """Read what nobody will be sent: its client is not done before, and the record should say what was asked."""
        with contextlib.suppress(ClientGoneError, TimeoutError):
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                async for _ in self._body(passage, receive):
                    if passage.request.total_bytes > self._settings.preview_bytes:
                        return

    async def _broken(self, error: Exception, passage: _Passage, send: Send) -> int:
        """Say that the API does not answer, or, once its answer has begun, end the connection: nothing else can be said then."""
        if isinstance(error, ClientGoneError) or isinstance(error.__cause__, ClientGoneError):
            passage.is_cancelled = True
            return 499
        passage.error = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        logger.warning("proxy_target_failed error=%r is_answered=%s", error, passage.status is not None)
        if passage.status is not None:
            raise error
        passage.status = 504 if isinstance(error, TimeoutError) else 502
        message = "the API behind did not answer in time" if passage.status == 504 else "the API behind does not answer"
        return await _refuse(send, passage.status, "proxy_target_unavailable", message, {"helicone-id": passage.call_id})

    def _asked(
        self, scope: Scope, headers: Mapping[str, str], destination: Destination, passage: _Passage, receive: Receive
    ) -> "aiohttp.client._RequestContextManager":
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=CONNECT_TIMEOUT_SECONDS, sock_read=self._settings.idle_timeout_seconds
                ),
                connector=aiohttp.TCPConnector(limit=0),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                max_line_size=MOST_HEADER_BYTES,
                max_field_size=MOST_HEADER_BYTES,
            )
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        if not has_body:
            passage.body_is_read.set()
        query = scope.get("query_string", b"").decode("latin-1")
        url = f"{self._target}/{destination.rest}" + (f"?{query}" if query else "")
        return self._session.request(
            scope["method"],
            URL(url, encoded=True),
            headers=self._onward(scope, headers),
            data=self._body(passage, receive) if has_body else None,
            skip_auto_headers=AUTO_HEADERS,
            allow_redirects=False,
        )

    def _onward(self, scope: Scope, headers: Mapping[str, str]) -> CIMultiDict[str]:
        """Return the headers that go on: the client's own, but for hop-by-hop ones and whatever holds a key of Sluice's."""
        named = {name.strip().lower() for name in headers.get("connection", "").split(",")}
        left_out = HOP_BY_HOP | OWN_HEADERS | named
        onward: CIMultiDict[str] = CIMultiDict()
        for raw_name, raw_value in scope["headers"]:
            name, value = raw_name.decode("latin-1").lower(), _decoded(raw_value)
            if name not in left_out and not self._is_own_key(name, value):
                onward.add(name, value)
        onward["accept-encoding"] = "identity"
        return onward

    def _is_own_key(self, name: str, value: str) -> bool:
        """Tell whether a header shows a key of Sluice's, which a client may have put in the provider's place too."""
        shown = presented({"authorization" if name == "authorization" else "x-api-key": value})
        if shown is None:
            return False
        try:
            self._ingest.doorkeeper.directory.authorise(Presented(shown.secret), "ingest")
        except AccessError as error:
            return error.is_known
        return True

    async def _body(self, passage: _Passage, receive: Receive) -> AsyncIterator[bytes]:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            part = message.get("body", b"")
            if part:
                yield part
                self._copy(passage, passage.request, part)
            if not message.get("more_body"):
                passage.body_is_read.set()
                return

    def _copy(self, passage: _Passage, preview: Preview, part: bytes) -> None:
        """Take a copy while the gateway has room for one; the last bytes are kept all the same."""
        if not passage.held.more(preview.room_for(part)):
            preview.stop()
        preview.add(part)

    def _record(self, project: Project, method: str, headers: Mapping[str, str], destination: Destination, passage: _Passage) -> None:
        operation = operation_of(method, destination.rest)
        if operation is None:
            passage.held.release()
            return
        seen = Seen(
            call_id=passage.call_id,
            operation=operation,
            path=f"/{VERSION}/{destination.rest}",
            target_host=URL(self._target or "").host or "",
            headers=headers,
            request=_copy_of(passage.request, headers),
            answer=_copy_of(passage.answer, passage.answer_headers),
            status=passage.status,
            start_time=passage.started_at,
            end_time=passage.time_of(time.perf_counter()),
            first_byte_time=None if passage.first_byte is None else passage.time_of(passage.first_byte),
            error=passage.error,
            is_cancelled=passage.is_cancelled,
        )
        self._recorder.record(project, seen, passage.held.release)


async def _gone(passage: _Passage, receive: Receive) -> None:
    """Return once the client has gone away; before its body is read, reading that tells."""
    await passage.body_is_read.wait()
    while (await receive())["type"] != "http.disconnect":
        pass


def _copy_of(preview: Preview, headers: Mapping[str, str]) -> Copy:
    return Copy(
        head=preview.head,
        tail=preview.tail,
        total_bytes=preview.total_bytes,
        content_type=headers.get("content-type", "").partition(";")[0].strip().lower(),
        content_encoding=headers.get("content-encoding", ""),
    )


def _escaped_path(scope: Scope) -> str:
    raw_path: Any = scope.get("raw_path")
    return raw_path.decode("latin-1").partition("?")[0] if raw_path else quote(scope["path"])


def _decoded(value: bytes) -> str:
    """Return a header's value so that it is written as the same bytes again, which the client of the next hop does in UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _passed(raw_headers: tuple[tuple[bytes, bytes], ...], call_id: str) -> list[tuple[bytes, bytes]]:
    kept = [(name.lower(), value) for name, value in raw_headers if name.lower().decode("latin-1") not in HOP_BY_HOP]
    return [*kept, (b"helicone-id", call_id.encode("latin-1", "replace"))]


async def _refuse(send: Send, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> int:
    """Answer as OpenAI's API does, which its SDK shows to the caller."""
    body = msgspec.json.encode({"error": {"message": message, "type": "sluice_proxy_error", "param": None, "code": code}})
    await respond(send, Response(status=status, body=body, headers=headers or {}))
    return status
