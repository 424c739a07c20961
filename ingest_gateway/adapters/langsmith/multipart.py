"""multipart/form-data (RFC 7578) cut into its parts, as far as it goes; a part's bytes are not copied until they are read."""

import re
from typing import NamedTuple

CRLF = b"\r\n"
END_OF_HEADERS = b"\r\n\r\n"
BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
NAME = re.compile(rb'[;\s]name="([^"]*)"', re.IGNORECASE)
CONTENT_TYPE = re.compile(rb"^content-type:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
LONGEST_HEADERS = 4096


class Part(NamedTuple):
    """One part: its headers, what its Content-Disposition calls it, and its content."""

    headers: bytes
    name: str
    content: memoryview

    @property
    def content_type(self) -> str:
        """Return the part's media type, without parameters."""
        found = CONTENT_TYPE.search(self.headers)
        return found[1].decode("utf-8", "replace").partition(";")[0].strip() if found else ""


class Cut(NamedTuple):
    """The parts of a body; `fault` says where and why there are no more."""

    parts: list[Part]
    fault: str | None


def boundary_of(content_type: str) -> bytes | None:
    """Return the boundary that a Content-Type names."""
    found = BOUNDARY.search(content_type)
    return (found[1] or found[2]).encode("utf-8", "replace") if found else None


def parts_of(body: bytes, boundary: bytes, limit: int) -> Cut:
    """Cut `body` into at most `limit` + 1 parts. Lengths that part headers state are not relied on."""
    view, delimiter = memoryview(body), b"--" + boundary
    next_delimiter = CRLF + delimiter
    parts: list[Part] = []
    first = 0 if body.startswith(delimiter) else body.find(CRLF + delimiter) + len(CRLF)
    if not body.startswith(delimiter, first):
        return Cut([], "there is no part with the boundary that Content-Type names")
    at = first + len(delimiter)
    while not body.startswith(b"--", at):
        begin = body.find(END_OF_HEADERS, at, at + LONGEST_HEADERS)
        if begin < 0:
            return Cut(parts, f"the headers of a part do not end (byte {at})")
        content_at = begin + len(END_OF_HEADERS)
        end = body.find(next_delimiter, begin + len(CRLF))
        if end < 0:
            return Cut(parts, f"a part does not end (byte {content_at})")
        headers = body[at:begin]
        name = NAME.search(headers)
        parts.append(Part(headers, name[1].decode("utf-8", "replace") if name else "", view[content_at : max(end, content_at)]))
        if len(parts) > limit:
            break
        at = end + len(next_delimiter)
    return Cut(parts, None)
