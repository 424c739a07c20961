"""Reading a request's body within its bounds, before and after decompression."""

import asyncio
from collections.abc import Callable, Mapping

from contract.web import BodyEndedEarlyError, BodyRefusedError, BodyTooLargeError, Receive, discard_body, read_body
from ingest_gateway.adapters.base import Failure, FailureKind
from ingest_gateway.domain.decompression import BrokenEncodingError, TooLargeError, UnknownEncodingError, decompressed

INLINE_BYTES = 64 * 1024
"""A compressed body above this is decompressed on a thread."""

LONGEST_LENGTH = 18
DISCARDED_TIMES_LIMIT = 4
"""How much more than the limit is read, and thrown away, so that the client gets to read why it was refused."""

TOO_MUCH_HELD = Failure(kind=FailureKind.UNAVAILABLE, message="the gateway holds as much as it may: try again")


def stated_bytes(headers: Mapping[str, str]) -> int:
    """Return what a request says of its body's length, 0 where it says nothing."""
    stated = headers.get("content-length", "")
    return int(stated) if stated.isdecimal() and len(stated) <= LONGEST_LENGTH else 0


async def refused_body(receive: Receive, limit_bytes: int) -> None:
    """Let a client send what nobody will read, within bounds, so that it gets to read why."""
    await discard_body(receive, DISCARDED_TIMES_LIMIT * limit_bytes)


async def body_of(headers: Mapping[str, str], receive: Receive, limit_bytes: int, hold: Callable[[int], bool]) -> bytes | Failure:
    """Return the decompressed body, or why there is none. A body whose stated length is too large is not kept at all.

    `hold` is told of all bytes that are kept, and says whether there is room for them.
    """
    if stated_bytes(headers) > limit_bytes:
        body: bytes | Failure = _too_large(limit_bytes)
    else:
        body = await _read(receive, limit_bytes, hold)
    if isinstance(body, Failure):
        await refused_body(receive, limit_bytes)
        return body
    encoding = headers.get("content-encoding", "")
    if not encoding:
        return body
    content = await _decompressed(body, encoding, limit_bytes)
    if isinstance(content, bytes) and not hold(len(content)):
        return TOO_MUCH_HELD
    return content


async def _read(receive: Receive, limit_bytes: int, hold: Callable[[int], bool]) -> bytes | Failure:
    try:
        return await read_body(receive, limit_bytes, hold)
    except BodyTooLargeError:
        return _too_large(limit_bytes)
    except BodyRefusedError:
        return TOO_MUCH_HELD
    except BodyEndedEarlyError:
        return Failure(kind=FailureKind.MALFORMED, message="the body ended early")


async def _decompressed(body: bytes, encoding: str, limit_bytes: int) -> bytes | Failure:
    try:
        if len(body) > INLINE_BYTES:
            return await asyncio.to_thread(decompressed, body, encoding, limit_bytes)
        return decompressed(body, encoding, limit_bytes)
    except UnknownEncodingError as error:
        return Failure(kind=FailureKind.UNSUPPORTED_MEDIA, message=str(error), field="content-encoding")
    except TooLargeError:
        return _too_large(limit_bytes)
    except BrokenEncodingError as error:
        return Failure(kind=FailureKind.MALFORMED, message=f"the body is not {encoding}: {error}", field="content-encoding")


def _too_large(limit_bytes: int) -> Failure:
    return Failure(kind=FailureKind.TOO_LARGE, message=f"the body is over {limit_bytes} bytes")
