"""Cutting a JSON array into its items without reading them, so that a broken item costs only itself."""

import re
from collections.abc import Iterator

TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},]', re.DOTALL)
OPENING, CLOSING, COMMA = b"[{", b"]}", b","
WHITESPACE = b" \t\r\n"
DEEPEST = 1_000
"""Decoders give up on what nests deeper."""


class NotAnArrayError(ValueError):
    """The text is not one array with balanced brackets; says where that shows."""


def items_of(body: bytes, limit: int) -> list[bytes]:
    """Return the items of the array in `body`, at most `limit` + 1 of them.

    Only strings, brackets and commas are looked at; whether an item is valid JSON is for its decoder to say. Raises
    NotAnArrayError where the brackets do not amount to one array.
    """
    items = []
    for item in _cut(body):
        items.append(item)
        if len(items) > limit:
            break
    return [] if items == [b""] else items


def items_at(body: bytes, start: int, limit: int) -> tuple[list[bytes], int]:
    """Return the items of the array that begins at `start`, at most `limit` + 1 of them, and where the array ends.

    Raises NotAnArrayError where it does not end, or nests so deep that nothing could read it.
    """
    items: list[bytes] = []
    level, begin = 0, start + 1
    for token in TOKEN.finditer(body, start):
        at = token.start()
        mark = body[at : at + 1]
        level += (mark in OPENING) - (mark in CLOSING)
        if level > DEEPEST:
            break
        if level == 0 or (level == 1 and mark == COMMA):
            items.append(body[begin:at].strip(WHITESPACE))
            begin = at + 1
        if level == 0 or len(items) > limit:
            return ([] if items == [b""] else items), at + 1
    raise NotAnArrayError(f"the array does not end (byte {len(body)})")


def _cut(body: bytes) -> Iterator[bytes]:
    start, level = 0, 0
    for token in TOKEN.finditer(body):
        mark = body[token.start() : token.start() + 1]
        if level == 0 and (mark != b"[" or body[: token.start()].strip(WHITESPACE)):
            raise NotAnArrayError(f"expected an array (byte {token.start()})")
        if mark in OPENING:
            level += 1
            start = token.end() if level == 1 else start
        elif mark in CLOSING:
            level -= 1
            if level == 0:
                yield body[start : token.start()].strip(WHITESPACE)
                _require_end(body, token.end())
                return
        elif mark == COMMA and level == 1:
            yield body[start : token.start()].strip(WHITESPACE)
            start = token.end()
    raise NotAnArrayError(f"the array does not end (byte {len(body)})")


def _require_end(body: bytes, end: int) -> None:
    if body[end:].strip(WHITESPACE):
        raise NotAnArrayError(f"trailing characters (byte {end})")
