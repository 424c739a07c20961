"""A share of a core for a process, as a container's limit gives it: by the cpu controller of control groups, first or second version."""

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

PERIOD_US = 100_000
FIRST, SECOND = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")


class CannotLimitError(Exception):
    """There are no control groups that this user may write to."""


class CpuShares:
    """Limits processes, each by itself; on leaving, the groups are removed, once their processes are gone or moved back."""

    def __init__(self, name: str) -> None:
        self._name = f"{name}-{os.getpid()}"
        self._groups: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for group in self._groups:
            for pid in (group / "cgroup.procs").read_text().split():
                with contextlib.suppress(OSError):
                    (group.parent / "cgroup.procs").write_text(pid)
            with contextlib.suppress(OSError):
                group.rmdir()

    def limit(self, pid: int, cores: float) -> None:
        """Let a process, all its threads, use so many cores; raise CannotLimitError where that is not to be had."""
        is_first = FIRST.is_dir()
        group = (FIRST if is_first else SECOND) / f"{self._name}-{pid}"
        quota_us = round(cores * PERIOD_US)
        try:
            group.mkdir()
            self._groups.append(group)
            if is_first:
                (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
                (group / "cpu.cfs_quota_us").write_text(str(quota_us))
            else:
                (group / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
            (group / "cgroup.procs").write_text(str(pid))
        except OSError as error:
            raise CannotLimitError(f"control groups cannot be used here: {error}") from error
