"""Environments of the SDK generations that clients still run: made from a lock file once, kept under .cache/clients.

They cannot share one environment with each other or with the tests: an SDK's generations exclude one another.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
LOCKS = ROOT / "requirements" / "clients"
KEPT = Path(os.environ.get("CLIENT_ENVIRONMENTS_DIR", ROOT / ".cache" / "clients"))
INSTALL_TIMEOUT_SECONDS = 600


def client_python(name: str) -> Path:
    """Return the Python of the environment `requirements/clients/<name>.lock` describes, made now if it is not there yet.

    Skips the test where the packages cannot be fetched at home; in CI that is a failure.
    """
    lock = LOCKS / f"{name}.lock"
    folder = KEPT / f"{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        command = [
            *(str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"),
            *("--no-deps", "--require-hashes", "-r", str(lock)),  # the lock names everything; pip takes a locked extra for a second package
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_SECONDS, check=False)
        if done.returncode != 0:
            _unavailable(f"the client packages of {name} cannot be installed: {done.stderr[-500:]}")
        (folder / "complete").touch()
    return python


def _unavailable(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def run_script(name: str, script: str, environ: dict[str, str], timeout_seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run `script` in a client's environment with only `environ` (and PATH) set; returns what it printed."""
    python = client_python(name)
    clean = {"PATH": os.environ.get("PATH", ""), "PYTHONUNBUFFERED": "1", "HOME": str(KEPT), **environ}
    return subprocess.run(
        [str(python), "-W", "ignore", "-c", script], env=clean, capture_output=True, text=True, timeout=timeout_seconds, check=False
    )


if __name__ == "__main__":
    for lock_file in sorted(LOCKS.glob("*.lock")):
        sys.stdout.write(f"{lock_file.stem}: {client_python(lock_file.stem)}\n")
