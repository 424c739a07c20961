"""Disks that can be full: small file systems in memory, in a mount namespace of the run's own, which needs no rights where the system
lets users have namespaces, and leaves nothing behind however the run ends.
"""

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

INSIDE = "CHAOS_NAMESPACE"
MS_REMOUNT = 32
SIZE_BYTES = 2 * 1024**3


def enter_namespace() -> str | None:
    """Start this program again in a namespace of its own, unless it is in one; return why that cannot be."""
    if os.environ.get(INSIDE):
        return None
    unshare = shutil.which("unshare")
    if sys.platform != "linux" or unshare is None:
        return "mount namespaces are Linux's (unshare)"
    for flags in (("--mount",), ("--mount", "--user", "--map-root-user")):
        if subprocess.run((unshare, *flags, "true"), capture_output=True, check=False).returncode == 0:
            os.environ[INSIDE] = "1"
            os.execv(unshare, (unshare, *flags, *sys.orig_argv))
    return "this user may not make a mount namespace (unshare)"


class Disk:
    """A file system in memory at `path`."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._path = path
        _mount(path, 0, SIZE_BYTES)

    def fill(self, left_bytes: int = 0) -> None:
        """Leave no room but `left_bytes`."""
        found = os.statvfs(self._path)
        _mount(self._path, MS_REMOUNT, max(1, (found.f_blocks - found.f_bfree)) * found.f_frsize + left_bytes)

    def make_room(self) -> None:
        """Give the room back."""
        _mount(self._path, MS_REMOUNT, SIZE_BYTES)


def _mount(path: Path, flags: int, size_bytes: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"sluice-chaos", os.fsencode(path), b"tmpfs", flags, f"size={size_bytes}".encode()):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(path))
