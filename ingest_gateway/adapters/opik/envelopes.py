"""Cutting a body into its items, so that each is read, and refused, by itself."""

import re
from collections.abc import Sequence

import msgspec

from ingest_gateway.domain.json_items import NotAnArrayError, items_of

BEGINNING = re.compile(rb'\s*\{\s*"(?P<name>[a-z]+)"\s*:\s*')
WHITESPACE = b" \t\r\n"


class NotABatchError(ValueError):
    """The body is not `{"<name>": […]}`."""


class BatchUpdate(msgspec.Struct):
    """One update of many entities."""

    ids: list[str]
    update: msgspec.Raw


_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
decode_batch_update = msgspec.json.Decoder(BatchUpdate).decode


def items_in(body: bytes, name: str, limit: int) -> Sequence[bytes]:
    """Return the items of the array `name` in `body`, more than `limit` only so that their number shows; raise NotABatchError.

    Where the body is no JSON, brackets alone tell the items apart, so that a broken one costs only itself.
    """
    try:
        held = _decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        return _cut(body, name, limit, str(error))
    if name not in held:
        raise NotABatchError(f"{name} is missing")
    try:
        return [bytes(item) for item in _decode_items(held[name])]
    except (msgspec.DecodeError, RecursionError) as error:
        raise NotABatchError(f"{name}: {error}") from None


def _cut(body: bytes, name: str, limit: int, fault: str) -> Sequence[bytes]:
    beginning = BEGINNING.match(body)
    end = body.rstrip(WHITESPACE)
    if beginning is None or beginning["name"].decode() != name or not end.endswith(b"}"):
        raise NotABatchError(fault)
    try:
        return items_of(end[beginning.end() : -1], limit)
    except NotAnArrayError as error:
        raise NotABatchError(f"{name}: {error}") from None
