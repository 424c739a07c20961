"""Keeps processes running: starts them, waits until they are ready, starts them again when they die, stops them by pid."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sluice.embedded.backoff import RestartPolicy, Restarts, after_death
from sluice.embedded.data_dir import last_lines
from sluice.embedded.errors import StartError
from sluice.embedded.identity import identity_of

LAUNCHER = Path(__file__).with_name("launch.py")
PROBE_PAUSE_SECONDS = 0.05
DEATHS_BEFORE_GIVING_UP = 3
LOG_LINES_SHOWN = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A process to keep running, with `niceness` added to ours. `is_ready` asks it; it may be called at any time and never raises."""

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    log: Path
    is_ready: Callable[[], Awaitable[bool]]
    niceness: int = 0


class Supervised:
    """One service and its present process.

    `on_change` is told, in words, what a person should know; `on_spawn` that there is a new pid.
    """

    def __init__(
        self, service: Service, on_change: Callable[[str], None], on_spawn: Callable[[], None], policy: RestartPolicy | None = None
    ) -> None:
        self.service = service
        self.pid = 0
        self.identity = ""
        self._on_change = on_change
        self._on_spawn = on_spawn
        self._policy = policy or RestartPolicy()
        self._process: asyncio.subprocess.Process | None = None
        self._restarts = Restarts()
        self._was_ready = asyncio.Event()
        self._stopping = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def start(self, timeout_seconds: float) -> None:
        """Start the process and wait until it is ready; raise StartError with the end of its log where it is not in time."""
        self._running = asyncio.create_task(self._keep_running())
        ready = asyncio.create_task(self._was_ready.wait())
        await asyncio.wait({ready, self._running}, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._was_ready.is_set() or self._stopping.is_set():
            return
        what = "ended" if self._running.done() else f"was not ready after {timeout_seconds:.0f} s"
        raise StartError(f"{self.service.name} {what}; the end of {self.service.log}:\n{last_lines(self.service.log, LOG_LINES_SHOWN)}")

    async def stop(self, deadline: float) -> None:
        """Send SIGTERM, and SIGKILL at `deadline` (on time.monotonic's scale)."""
        self._stopping.set()
        if self._running is None:
            return
        self._send(signal.SIGTERM)
        _, pending = await asyncio.wait({self._running}, timeout=max(0.0, deadline - time.monotonic()))
        if pending:
            self._on_change(f"{self.service.name} did not stop in time and was killed")
            self.kill()
            await self._running

    def kill(self) -> None:
        """End the process at once."""
        self._stopping.set()
        self._send(signal.SIGKILL)

    def _send(self, chosen: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(chosen)

    async def _keep_running(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            process = await self._spawn()
            watching = asyncio.create_task(self._watch_readiness())
            code = await process.wait()
            watching.cancel()
            self._restarts, pause = after_death(self._restarts, time.monotonic() - began, self._policy)
            if self._stopping.is_set() or self._is_hopeless():
                return
            self._on_change(f"{self.service.name} {_how_it_ended(code)}, starting it again in {pause:.2g} s")
            await _either(self._stopping.wait(), pause)

    def _is_hopeless(self) -> bool:
        return not self._was_ready.is_set() and self._restarts.deaths >= DEATHS_BEFORE_GIVING_UP

    async def _spawn(self) -> asyncio.subprocess.Process:
        launcher = (sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), str(self.service.niceness))
        with self.service.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *launcher,
                *self.service.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self.service.environ),
                process_group=0,  # the terminal's Ctrl-C reaches us alone, and we stop them in order
            )
        self._process, self.pid = process, process.pid
        self.identity = identity_of(process.pid) or ""
        self._on_spawn()
        if self._stopping.is_set():
            self._send(signal.SIGTERM)
        return process

    async def _watch_readiness(self) -> None:
        while not await self.service.is_ready():  # noqa: ASYNC110  another process cannot set an Event
            await asyncio.sleep(PROBE_PAUSE_SECONDS)
        if self._was_ready.is_set():
            self._on_change(f"{self.service.name} is ready again (pid {self.pid})")
        self._was_ready.set()


def _how_it_ended(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


async def _either(stop: Awaitable[object], pause_seconds: float) -> None:
    try:
        await asyncio.wait_for(stop, pause_seconds)
    except TimeoutError:
        return


async def answers_ready(host: str, port: int) -> bool:
    """Tell whether /readyz there answers 200."""
    try:
        return await asyncio.wait_for(_readiness_status(host, port), timeout=2.0) == 200
    except (OSError, TimeoutError, ValueError, IndexError):
        return False


async def _readiness_status(host: str, port: int) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET /readyz HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        return int((await reader.readline()).split()[1])
    finally:
        writer.close()
