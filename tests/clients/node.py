"""JavaScript packages of `requirements/clients/<name>/`, installed once from their lock, kept under .cache/clients."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.environments import KEPT, LOCKS

INSTALL_TIMEOUT_SECONDS = 300
MANIFESTS = ("package.json", "package-lock.json")


def node_packages(name: str) -> Path:
    """Return the folder that holds `node_modules`. Skips the test where there is no node or the packages cannot be fetched at home."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        _unavailable("node and npm are not installed")
    manifests = [LOCKS / name / manifest for manifest in MANIFESTS]
    digest = hashlib.sha256(b"".join(manifest.read_bytes() for manifest in manifests)).hexdigest()[:12]
    folder = KEPT / f"{name}-{digest}"
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for manifest in manifests:
            shutil.copy(manifest, folder)
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_SECONDS, check=False)
        if done.returncode != 0:
            _unavailable(f"the client packages of {name} cannot be installed: {done.stderr[-500:]}")
        (folder / "complete").touch()
    return folder


def _unavailable(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def run_module(
    name: str, module: str, arguments: list[str], environ: dict[str, str], timeout_seconds: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run an ES module beside the packages of `name` with only `environ` (and PATH) set; returns what it printed."""
    clean = {"PATH": os.environ.get("PATH", ""), **environ}
    command = ["node", "--input-type=module", "--eval", module, "--", *arguments]
    return subprocess.run(command, cwd=node_packages(name), env=clean, capture_output=True, text=True, timeout=timeout_seconds, check=False)
