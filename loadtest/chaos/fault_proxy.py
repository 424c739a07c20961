"""An HTTP proxy that passes everything on, byte for byte, until it is told to misbehave."""

import asyncio
import logging
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Literal

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

logger = logging.getLogger(__name__)

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect"})
NOWHERE = 502
ABORT = struct.pack("ii", 1, 0)
READ_BEFORE_RESET_BYTES = 512
UPSTREAM_SECONDS = 120.0

Mode = Literal["error", "slow", "reset", "reset_after"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehaviour:
    """What happens to a `share` of the requests.

    `error` answers instead of the server; `slow` passes on after `seconds`; `reset` drops the connection in the middle of the request;
    `reset_after` once the server has done its work, before the answer.
    """

    mode: Mode
    share: float = 1.0
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0


class FaultProxy:
    """Listens on a port of the loopback address in front of `upstream`."""

    def __init__(self, port: int, upstream: str, random: Random) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.misbehaviour: Misbehaviour | None = None
        self.hit = 0
        self._port = port
        self._upstream = upstream
        self._random = random
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen."""
        timeout = aiohttp.ClientTimeout(total=UPSTREAM_SECONDS)
        connector = aiohttp.TCPConnector(limit=0)
        self._session = aiohttp.ClientSession(timeout=timeout, connector=connector, auto_decompress=False)
        app = web.Application(client_max_size=2**31)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        wrong = self.misbehaviour
        if wrong is None or self._random.random() >= wrong.share:
            return await self._passed_on(request)
        self.hit += 1
        if wrong.mode == "reset":
            await request.content.read(READ_BEFORE_RESET_BYTES)
            return _reset(request)
        if wrong.mode == "slow":
            await asyncio.sleep(wrong.seconds)
            return await self._passed_on(request)
        if wrong.mode == "reset_after":
            await self._passed_on(request)
            return _reset(request)
        await request.read()
        return web.Response(status=wrong.status, headers=wrong.headers, body=wrong.body)

    async def _passed_on(self, request: web.Request) -> web.Response:
        assert self._session is not None
        headers = CIMultiDict((name, value) for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP)
        url = URL(f"{self._upstream}{request.raw_path}", encoded=True)
        body = await request.read()
        try:
            async with self._session.request(request.method, url, headers=headers, data=body, allow_redirects=False) as answer:
                payload = await answer.read()
                kept = CIMultiDict((name, value) for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP)
                if request.method != "HEAD":
                    kept.popall("content-length", None)
                return web.Response(status=answer.status, headers=kept, body=payload if request.method != "HEAD" else None)
        except (aiohttp.ClientError, TimeoutError) as error:
            logger.debug("upstream_away error=%s", error)
            return _reset(request)


def _reset(request: web.Request) -> web.Response:
    """Drop the connection with a reset, as a peer that has died does."""
    transport = request.transport
    if transport is not None:
        connection: socket.socket | None = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        transport.abort()
    return web.Response(status=NOWHERE)
