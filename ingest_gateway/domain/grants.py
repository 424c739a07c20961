"""Permission to write or read one object, signed and expiring: the bearer of the URL needs no key (SDKs PUT without one)."""

import base64
import binascii
import hashlib
import hmac
from typing import Literal

import msgspec

Operation = Literal["put", "get", "attach"]
"""`attach` is to write what its client knew neither length nor hash of when it asked."""

LONGEST_TOKEN = 8192


class Grant(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """What may be done to which object until when (seconds since the epoch).

    `size_bytes` and `sha256` (hex) are those the content must have to be written; without a hash, `size_bytes` is the most it may
    have. `about` is the granter's own note.
    """

    operation: Operation
    project_id: str
    key: str
    content_type: str
    size_bytes: int
    sha256: str
    expires_at: int
    about: str = ""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Grant).decode


def token_of(grant: Grant, secret: bytes) -> str:
    """Return the grant as one segment of a path."""
    said = _base64(_encode(grant))
    return f"{said}.{_signature(said, secret)}"


def grant_of(token: str, secret: bytes, operation: Operation, now_seconds: float) -> Grant | None:
    """Return the grant of a token that was signed with `secret`, is for `operation` and has not expired; None otherwise."""
    said, dot, signature = token.partition(".")
    if not dot or len(token) > LONGEST_TOKEN or not token.isascii():
        return None
    if not hmac.compare_digest(_signature(said, secret).encode(), signature.encode()):
        return None
    try:
        grant = _decode(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)))
    except (binascii.Error, msgspec.MsgspecError):
        return None
    return grant if grant.operation == operation and now_seconds < grant.expires_at else None


def content_fault(grant: Grant, body: bytes) -> str | None:
    """Say why `body` is not what the grant is for, or None where it is."""
    if not grant.sha256:
        return f"the content is over {grant.size_bytes} bytes" if len(body) > grant.size_bytes else None
    if len(body) != grant.size_bytes:
        return f"the content has {len(body)} bytes, announced were {grant.size_bytes}"
    if not hmac.compare_digest(hashlib.sha256(body).hexdigest(), grant.sha256):
        return "the content is not what was announced: its SHA-256 differs"
    return None


def _signature(said: str, secret: bytes) -> str:
    return _base64(hmac.digest(secret, said.encode(), "sha256"))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
