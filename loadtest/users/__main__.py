"""Locust's web page on this machine's stack: `make load-ui`. Ctrl-C ends the page, and the stack where it was started here.

Choose users and a shape on the page (http://127.0.0.1:8089). No ledger runs along: that is `make load LOAD_GENERATOR=locust`.
"""

import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contract.errors import PipelineError
from loadtest.load.locust_process import end, start
from loadtest.load.run import brief_of, stopped
from loadtest.load.settings import LoadSettings, for_stack, read
from sluice.embedded import endpoints, running
from sluice.embedded.data_dir import DataDir
from sluice.embedded.endpoints import Endpoints

CANNOT = 2
WORDS = ["--class-picker", "--web-host", "127.0.0.1"]


@contextmanager
def _stack(settings: LoadSettings) -> Iterator[Endpoints]:
    """Yield where the stack is; one that is started here is stopped here."""
    if settings.attach is not None:
        yield endpoints.read(DataDir(settings.attach).endpoints)
        return
    with tempfile.TemporaryDirectory(prefix="sluice-load-") as folder:
        stack = running.start(settings.folder or Path(folder), for_stack(os.environ))
        try:
            yield stack.endpoints
        finally:
            stopped(stack)


def _serve(settings: LoadSettings) -> None:
    with _stack(settings) as found, tempfile.TemporaryDirectory(prefix="sluice-locust-") as folder:
        brief = brief_of(settings, found, secrets.token_hex(6), folder)
        words = [*WORDS, "--web-port", str(settings.ui_port)]
        process = start(brief, words, {"LOADTEST_UI": "1"})
        page = f"http://127.0.0.1:{settings.ui_port}"
        print(f"{page}; the stack: {found.gateway_http}; more workers need LOADTEST_BRIEF={folder}/brief.json", flush=True)
        try:
            process.wait()
        except KeyboardInterrupt:
            print("stopping")
        finally:
            end(process)


def main() -> int:
    """Serve the page until Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: everything that was started is stopped
    try:
        _serve(read({"LOAD_GENERATOR": "locust", **os.environ}))
    except PipelineError as error:
        print(f"no page: {error}", file=sys.stderr)
        return CANNOT
    return 0


if __name__ == "__main__":
    sys.exit(main())
