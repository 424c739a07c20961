"""Reading a request's body within its bounds, before and after decompression."""

import asyncio
from collections.abc import Mapping

from contract.web import BodyEndedEarlyError, BodyTooLargeError, Receive, discard_body, read_body
from ingest_gateway.adapters.base import Failure, FailureKind
from ingest_gateway.domain.decompression import BrokenEncodingError, TooLargeError, UnknownEncodingError, decompressed

INLINE_BYTES = 64 * 1024
"""A compressed body above this is decompressed on a thread."""

DISCARDED_TIMES_LIMIT = 4
"""How much more than the limit is read, and thrown away, so that the client gets to read why it was refused."""


async def body_of(headers: Mapping[str, str], receive: Receive, limit_bytes: int) -> bytes | Failure:
    """Return the decompressed body, or why there is none. A body whose stated length is too large is not kept at all."""
    stated = headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > limit_bytes:
        await discard_body(receive, DISCARDED_TIMES_LIMIT * limit_bytes)
        return _too_large(limit_bytes)
    try:
        body = await read_body(receive, limit_bytes)
    except BodyTooLargeError:
        await discard_body(receive, DISCARDED_TIMES_LIMIT * limit_bytes)
        return _too_large(limit_bytes)
    except BodyEndedEarlyError:
        return Failure(kind=FailureKind.MALFORMED, message="the body ended early")
    encoding = headers.get("content-encoding", "")
    if not encoding:
        return body
    return await _decompressed(body, encoding, limit_bytes)


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
