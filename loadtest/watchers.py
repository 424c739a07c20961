"""Everything that looks on while a load runs: the services' own figures every second, and what is said on `control`."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from contract.codec import Codec
from contract.control import ControlReader, Directory
from contract.degradation import Degradation, degradation_of
from contract.kafka import KafkaSettings
from contract.schemas import DEGRADATION
from loadtest.pages import Look, Pages
from sluice.embedded.running import RunningStack

LOOK_SECONDS = 1.0
CALM_LAG_SECONDS = 3.0


class SaidLevels(Directory):
    """A directory that keeps every word of the controller."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[Degradation] = []

    def apply(self, name: str, record: dict[str, Any]) -> None:
        """Take in one control record."""
        super().apply(name, record)
        if name == DEGRADATION:
            self.said.append(degradation_of(record))


class Watchers:
    """Looks on; `more` are pages of services beside the stack's own."""

    def __init__(self, stack: RunningStack, more: Callable[[], Mapping[str, str]] = dict) -> None:
        kafka = KafkaSettings(bootstrap_servers=stack.endpoints.kafka)
        self.levels = SaidLevels()
        self.looks: list[tuple[float, Look]] = []
        self._pages = Pages(lambda: stack.endpoints, more)
        self._control = ControlReader(kafka, Codec(), self.levels)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look every second until left."""
        self._control.start()
        looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking
            await asyncio.to_thread(self._control.stop)
            self._pages.close()

    async def _look(self) -> None:
        while True:
            began = time.time()
            self.looks.append((began, await asyncio.to_thread(self._pages.look)))
            await asyncio.sleep(max(0.0, began + LOOK_SECONDS - time.time()))

    @property
    def is_calm(self) -> bool:
        """Tell whether the level is 0 and next to nothing waits."""
        said, latest = self.levels.degradation, self.looks[-1][1] if self.looks else None
        is_normal = said is None or said.step == 0
        return is_normal and latest is not None and max(latest.lag_seconds, latest.sink_lag_seconds) < CALM_LAG_SECONDS

    async def calm(self, timeout_seconds: float, quiet_seconds: float = 0.0) -> bool:
        """Wait until it has been calm for a while; False where that takes too long."""
        deadline, since = time.monotonic() + timeout_seconds, time.monotonic()
        while time.monotonic() < deadline:
            await asyncio.sleep(LOOK_SECONDS)
            if not self.is_calm:
                since = time.monotonic()
            elif time.monotonic() - since > quiet_seconds:
                return True
        return False
