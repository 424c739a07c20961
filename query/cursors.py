"""Cursors: where a page ended, as opaque text. Rows run from the newest time to the oldest, equal times by id, downwards."""

import base64
import binascii
from typing import NamedTuple

import msgspec

from query.errors import BadRequestError

INT64_MAX = 2**63 - 1


class Position(NamedTuple):
    """A place in a list: the last row shown. `at_us` is the time the list is ordered by, µs since the epoch."""

    at_us: int
    id: str


class _Cursor(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    listing: str
    at_us: int
    id: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Cursor).decode


def encode_cursor(listing: str, position: Position) -> str:
    """Return `position` in the list `listing` as text that fits a URL unescaped."""
    return base64.urlsafe_b64encode(_encode(_Cursor(listing, *position))).decode().rstrip("=")


def decode_cursor(listing: str, text: str) -> Position:
    """Read what `encode_cursor` wrote for the same list; raise BadRequestError for anything else."""
    try:
        cursor = _decode(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise BadRequestError("wrong_cursor", "not a cursor that this API gave out", "cursor") from None
    if cursor.listing != listing:
        raise BadRequestError("wrong_cursor", f"this cursor belongs to {cursor.listing}, not to {listing}", "cursor")
    if abs(cursor.at_us) > INT64_MAX:
        raise BadRequestError("wrong_cursor", "not a cursor that this API gave out", "cursor")
    return Position(cursor.at_us, cursor.id)
