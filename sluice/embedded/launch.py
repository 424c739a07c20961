"""Become another program that ends with its parent: `python -I -S launch.py <parent pid> <niceness to add> <command …>`.

A child asks the kernel to be told of its parent's death; only the child itself can ask, and running Python between fork and exec
in a process with threads can deadlock. Hence a program of its own, which starts in some 20 ms. Not on Linux: it only becomes the command.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, niceness: int, command: list[str]) -> None:
    """Ask for SIGTERM on the parent's death, take the priority that all threads of `command` inherit, then become it."""
    os.nice(niceness)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we asked
            sys.exit(0)
    os.execvp(command[0], command)  # noqa: S606  no shell is wanted


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
