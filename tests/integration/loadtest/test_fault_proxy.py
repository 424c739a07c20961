"""The proxy that misbehaves: what it passes on unchanged, and each way in which it does not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import aiohttp
import pytest
from aiohttp import web

from contract.web import free_port
from loadtest.chaos.fault_proxy import FaultProxy, Misbehaviour, Mode


@asynccontextmanager
async def proxied(taken: list[bytes]) -> AsyncIterator[FaultProxy]:
    """A proxy in front of a server that keeps what it is sent and answers with method, path and one header."""

    async def answer(request: web.Request) -> web.Response:
        taken.append(await request.read())
        said = f"{request.method} {request.raw_path} {request.headers.get('Content-Encoding')}"
        return web.Response(status=201, text=said, headers={"x-code": "7"})

    app, port = web.Application(), free_port()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    proxy = FaultProxy(free_port(), f"http://127.0.0.1:{port}", Random(1))
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
        await runner.cleanup()


async def post(proxy: FaultProxy) -> tuple[int, str, str | None]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{proxy.url}/a%2Fb?c=%20d", data=b"\x00raw", headers={"Content-Encoding": "lz4"}) as response,
    ):
        return response.status, await response.text(), response.headers.get("x-code")


def test_without_a_fault_everything_passes_byte_for_byte() -> None:
    """Path, query, headers and body: signatures are made over them."""

    async def scenario() -> None:
        taken: list[bytes] = []
        async with proxied(taken) as proxy:
            assert await post(proxy) == (201, "POST /a%2Fb?c=%20d lz4", "7")
        assert taken == [b"\x00raw"]

    asyncio.run(scenario())


def test_an_error_is_answered_instead_of_the_server() -> None:
    """With status, headers and body as told."""

    async def scenario() -> None:
        taken: list[bytes] = []
        async with proxied(taken) as proxy:
            proxy.misbehaviour = Misbehaviour(mode="error", status=503, headers={"x-code": "252"}, body=b"no")
            assert await post(proxy) == (503, "no", "252")
        assert taken == []

    asyncio.run(scenario())


@pytest.mark.parametrize(("mode", "arrived"), [("reset", []), ("reset_after", [b"\x00raw"])])
def test_a_reset_drops_the_connection(mode: Mode, arrived: list[bytes]) -> None:
    """Before the server has heard of it, or after it has done its work."""

    async def scenario() -> None:
        taken: list[bytes] = []
        async with proxied(taken) as proxy:
            proxy.misbehaviour = Misbehaviour(mode=mode)
            with pytest.raises(aiohttp.ClientConnectionError):
                await post(proxy)
        assert taken == arrived

    asyncio.run(scenario())


def test_only_a_share_of_the_requests_is_hit() -> None:
    """The rest passes."""

    async def scenario() -> None:
        async with proxied([]) as proxy:
            proxy.misbehaviour = Misbehaviour(mode="error", share=0.5)
            statuses = {(await post(proxy))[0] for _ in range(30)}
        assert statuses == {201, 500}

    asyncio.run(scenario())
