"""A bounded copy of what passes by: its beginning, and its last bytes, where a long answer states its usage."""

from collections import deque

TAIL_BYTES = 64 * 1024


class Preview:
    """Keeps up to `limit_bytes` from the start and, beyond them, about TAIL_BYTES of the end."""

    def __init__(self, limit_bytes: int) -> None:
        self._left_bytes = limit_bytes
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self.total_bytes = 0

    def add(self, part: bytes) -> None:
        """Take note of `part`."""
        self.total_bytes += len(part)
        if len(part) <= self._left_bytes:
            self._head += part
            self._left_bytes -= len(part)
            return
        self._head += part[: self._left_bytes]
        rest = part[self._left_bytes :]
        self._left_bytes = 0
        self._tail.append(rest[-TAIL_BYTES:])
        self._tail_bytes += len(self._tail[-1])
        while self._tail_bytes - len(self._tail[0]) >= TAIL_BYTES:
            self._tail_bytes -= len(self._tail.popleft())

    def stop(self) -> None:
        """Keep no more of the beginning: there is no room."""
        self._left_bytes = 0

    def room_for(self, part: bytes) -> int:
        """Return how many bytes of `part` would be added to the beginning."""
        return min(len(part), self._left_bytes)

    @property
    def head(self) -> bytes:
        """Return the beginning."""
        return bytes(self._head)

    @property
    def tail(self) -> bytes:
        """Return the end, where the beginning is not all; none of it is in `head`, and there may be a gap between them."""
        return b"".join(self._tail)
