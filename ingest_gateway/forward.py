"""Read routes and the dashboard, passed on to the query service so that a client needs one address."""

import logging
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from contract.errors import RetryableError
from contract.keys import VENDOR_HEADERS
from contract.web import Response, Scope, Send, respond

logger = logging.getLogger(__name__)

METHODS = ("GET", "HEAD", "OPTIONS", "DELETE")
EXACT_PATHS = frozenset({"/", "/ui", "/openapi.json", "/favicon.ico"})
PREFIXES = ("/api/v1/", "/ui/")
HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
        *("te", "trailer", "transfer-encoding", "upgrade", "host"),
    }
)
"""RFC 9110, 7.6.1; Host is the next hop's own."""
KEY_HEADERS = frozenset({"authorization", *VENDOR_HEADERS})
CONNECT_TIMEOUT_SECONDS = 2.0
MARGIN_SECONDS = 5.0
PIECE_BYTES = 64 * 1024


def is_forwarded(path: str) -> bool:
    """Tell whether `path` is the query service's."""
    return path in EXACT_PATHS or path.startswith(PREFIXES)


class Forwarder:
    """Passes requests to `query_url`; without one there is nothing to read here."""

    def __init__(self, query_url: str | None, timeout_seconds: float, ca_file: Path | None = None) -> None:
        self._query_url = query_url.rstrip("/") if query_url else None
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds + MARGIN_SECONDS, connect=CONNECT_TIMEOUT_SECONDS)
        self._ssl = ssl.create_default_context(cafile=ca_file) if ca_file else True
        self._session: aiohttp.ClientSession | None = None

    @property
    def is_on(self) -> bool:
        """Tell whether there is a query service."""
        return self._query_url is not None

    async def close(self) -> None:
        """Close the connections to the query service."""
        if self._session is not None:
            await self._session.close()

    async def pass_on(self, scope: Scope, headers: Mapping[str, str], send: Send) -> int:
        """Answer with what the query service answers, as it comes; returns the status."""
        if self._query_url is None:
            return await _refuse(send, 404, "not_found", "no such route: this gateway has no query service behind it (QUERY_URL)")
        if scope["method"] not in METHODS:
            return await _refuse(send, 405, "wrong_method", "read routes take " + ", ".join(METHODS), allow=", ".join(METHODS))
        is_started = False
        try:
            async with self._asked(scope, headers) as answer:
                is_started = True
                await send({"type": "http.response.start", "status": answer.status, "headers": _passed(answer.raw_headers)})
                async for piece in answer.content.iter_chunked(PIECE_BYTES):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
                return answer.status
        except (aiohttp.ClientConnectionError, TimeoutError) as error:
            if is_started:
                raise  # the status is out; ending the connection is all that can still be said
            logger.warning("query_unreachable error=%r", error)
            return await _refuse(send, 502, "query_unavailable", "the query service does not answer", retry_after="1")

    async def fetch(self, target: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Read `target`, path and query, with the key in `headers`; raise RetryableError where nobody answers."""
        if self._query_url is None:
            raise RetryableError("this gateway has no query service behind it (QUERY_URL)")
        shown = {name: value for name, value in headers.items() if name in KEY_HEADERS}
        try:
            async with self._connection().get(URL(f"{self._query_url}{target}", encoded=True), headers=shown, ssl=self._ssl) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            logger.warning("query_unreachable error=%r", error)
            raise RetryableError("the query service does not answer") from error

    def _connection(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    def _asked(self, scope: Scope, headers: Mapping[str, str]) -> aiohttp.client._RequestContextManager:
        url = f"{self._query_url}{_target(scope)}"
        return self._connection().request(
            scope["method"],
            URL(url, encoded=True),
            headers=_onward(scope, headers),
            skip_auto_headers=("User-Agent", "Accept-Encoding", "Accept", "Content-Type"),
            allow_redirects=False,
            ssl=self._ssl,
        )


def _target(scope: Scope) -> str:
    """Return path and query as the client wrote them: a %2F in an id is not a slash."""
    raw_path, query = scope.get("raw_path"), scope.get("query_string", b"")
    path = raw_path.decode("latin-1") if raw_path else quote(scope["path"])
    return f"{path}?{query.decode('latin-1')}" if query else path


def _onward(scope: Scope, headers: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in headers.items() if name not in HOP_BY_HOP and name != "content-length"}
    client = scope.get("client")
    if client:
        kept["x-forwarded-for"] = ", ".join(filter(None, (headers.get("x-forwarded-for"), client[0])))
    kept.setdefault("x-forwarded-host", headers.get("host", ""))
    kept.setdefault("x-forwarded-proto", scope.get("scheme", "http"))
    return kept


def _passed(raw_headers: tuple[tuple[bytes, bytes], ...]) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in raw_headers if name.lower().decode("latin-1") not in HOP_BY_HOP]


async def _refuse(send: Send, status: int, code: str, message: str, **headers: str) -> int:
    body = msgspec.json.encode({"error": {"code": code, "message": message, "field": None}})
    await respond(send, Response(status=status, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()}))
    return status
