"""A whole stack as a child process, for tests, benchmarks and scripts: started on free ports, stopped by pid."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sluice.embedded import endpoints, identity
from sluice.embedded.data_dir import DataDir, last_lines
from sluice.embedded.endpoints import Endpoints
from sluice.embedded.errors import StartError

POLL_SECONDS = 0.05
FREE_PORTS = dict.fromkeys(("GATEWAY_HTTP_PORT", "GATEWAY_GRPC_PORT", "OTLP_HTTP_PORT", "QUERY_HTTP_PORT"), "0")
LOG_LINES_SHOWN = 40
LEFTOVER_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class RunningStack:
    """A running `sluice up` and its data directory."""

    data: DataDir
    process: subprocess.Popen[bytes]

    @property
    def endpoints(self) -> Endpoints:
        """Return where everything is now; pids change when a process was started again. Raises StartError while it is not ready."""
        return endpoints.read(self.data.endpoints)

    def stop(self, timeout_seconds: float = 40.0) -> int:
        """Stop it the way Ctrl-C does and return its exit code; kill whatever outlives the time."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """End `sluice up` and all its processes at once."""
        self.process.kill()
        self.process.wait()
        identity.end_leftovers(self.data.leftovers(), LEFTOVER_PATIENCE_SECONDS)

    def logs(self) -> str:
        """Return the end of every log."""
        return "\n".join(f"--- {path.name}\n{last_lines(path, LOG_LINES_SHOWN)}" for path in sorted(self.data.logs.glob("*.log")))


def start(root: Path, environ: Mapping[str, str] | None = None, timeout_seconds: float = 180.0) -> RunningStack:
    """Start `sluice up` on `root`, on free ports unless `environ` says otherwise; raise StartError with the logs where it fails."""
    data = DataDir(root)
    data.logs.mkdir(parents=True, exist_ok=True)
    data.endpoints.unlink(missing_ok=True)
    environ = {**os.environ, **FREE_PORTS, **(environ or {}), "SLUICE_DATA_DIR": str(root)}
    with data.log("up").open("ab") as log:
        command = (sys.executable, "-m", "sluice", "up")
        process = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    stack = RunningStack(data, process)
    try:
        _await_ready(stack, timeout_seconds)
    except BaseException:
        stack.kill()
        raise
    return stack


def _await_ready(stack: RunningStack, timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not stack.data.endpoints.exists():
        if stack.process.poll() is not None:
            raise StartError(f"`sluice up` ended with exit code {stack.process.returncode}\n{stack.logs()}")
        if time.monotonic() > deadline:
            raise StartError(f"`sluice up` was not ready after {timeout_seconds:.0f} s\n{stack.logs()}")
        time.sleep(POLL_SECONDS)
