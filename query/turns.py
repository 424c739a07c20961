"""Turns of projects at the store: one project's reads never take all threads."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from contract.errors import OverloadedError

MOST_WAITING = 64
RETRY_AFTER_SECONDS = 1.0


class Turns:
    """Lets so many reads of a project go on at a time; some more wait, the rest is refused."""

    def __init__(self, at_a_time: int, most_waiting: int = MOST_WAITING) -> None:
        self._at_a_time = at_a_time
        self._most = at_a_time + most_waiting
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._present: dict[str, int] = {}

    @contextlib.asynccontextmanager
    async def turn(self, project_id: str) -> AsyncIterator[None]:
        """Wait for a turn and have it; raise OverloadedError where too many wait already."""
        present = self._present.get(project_id, 0)
        if present >= self._most:
            raise OverloadedError("too many reads of this project are waiting; try again", RETRY_AFTER_SECONDS)
        self._present[project_id] = present + 1
        try:
            async with self._turns.setdefault(project_id, asyncio.Semaphore(self._at_a_time)):
                yield
        finally:
            self._present[project_id] -= 1
            if not self._present[project_id]:
                del self._present[project_id], self._turns[project_id]
