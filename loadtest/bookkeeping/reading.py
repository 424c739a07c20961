"""The read API as the ledger uses it: one answer, or every page of a list."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp

PAGE = 500
PARALLEL_READS = 6
READ_TIMEOUT_SECONDS = 60.0
MISSING = 404


class Reader:
    """Reads one project; an async context manager. Raises aiohttp.ClientError or TimeoutError where there is no good answer."""

    def __init__(self, base_url: Callable[[], str], key: str) -> None:
        self._base_url = base_url
        self._headers = {"authorization": f"Bearer {key}"}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=READ_TIMEOUT_SECONDS))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str, **parameters: str) -> Any:
        """Return the JSON answer, or None for 404."""
        assert self._session is not None
        url = f"{self._base_url()}/api/v1/{path}" + (f"?{urlencode(parameters)}" if parameters else "")
        async with self._session.get(url, headers=self._headers) as response:
            if response.status == MISSING:
                return None
            response.raise_for_status()
            return await response.json()

    async def listed(self, path: str, **parameters: str) -> AsyncIterator[dict[str, Any]]:
        """Yield everything a list holds, page by page."""
        cursor: str | None = None
        while True:
            more = {} if cursor is None else {"cursor": cursor}
            answer = await self.get(path, limit=str(PAGE), **parameters, **more)
            for row in answer["data"]:
                yield row
            cursor = answer["next_cursor"]
            if cursor is None:
                return


async def all_of(checks: Iterable[Any]) -> None:
    """Await coroutines, a few at a time."""
    waiting = iter(checks)

    async def work() -> None:
        for check in waiting:
            await check

    await asyncio.gather(*(work() for _ in range(PARALLEL_READS)))
