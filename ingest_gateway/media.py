"""Langfuse's media calls: an SDK announces an attachment, uploads it by the URL it is given, and puts a mark in the payload.

Bodies are Langfuse's own (server 4.16). A media id is the beginning of its content's SHA-256; an SDK that is given any other cancels.
"""

import asyncio
import base64
import binascii
import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from contract.errors import InvalidEventError, RetryableError
from contract.events import RejectionCode
from contract.objects import ObjectInfo
from ingest_gateway.adapters.base import Failure, FailureKind, Route, WireRequest, WireResponse
from ingest_gateway.adapters.langfuse.adapter import PREFIXES, PROTOCOL
from ingest_gateway.adapters.langfuse.answers import failed, json_response
from ingest_gateway.domain.faults import invalid
from ingest_gateway.domain.files import MEDIA_TYPE, key_of, media_id_of
from ingest_gateway.handlers import Handler
from ingest_gateway.uploads import Upload, Uploads

MEDIA = "/api/public/media"
SHA256_BYTES = 32
MEDIA_ID = re.compile(r"^[A-Za-z0-9_-]{22}$")


class Announcement(msgspec.Struct, rename={"content_type": "contentType", "content_length": "contentLength", "sha256": "sha256Hash"}):
    """An attachment about to be uploaded; the other fields say where it belongs, as does the mark in the payload."""

    content_type: str
    content_length: int
    sha256: str


_decode = msgspec.json.Decoder(Announcement).decode


class LangfuseMedia(Handler):
    """POST, PATCH and GET /api/public/media. Bytes can only be fetched with a key that may read."""

    name = PROTOCOL
    routes = tuple(
        route
        for prefix in PREFIXES
        for route in (
            Route(method="POST", path=f"{prefix}{MEDIA}"),
            Route(method="PATCH", path=f"{prefix}{MEDIA}/{{id}}"),
            Route(method="GET", path=f"{prefix}{MEDIA}/{{id}}", scope="read"),
        )
    )

    def __init__(self, uploads: Uploads, max_bytes: int) -> None:
        self._uploads = uploads
        self._max_bytes = max_bytes

    async def take(self, request: WireRequest) -> WireResponse:
        """Answer one of the calls."""
        try:
            match request.method:
                case "POST":
                    return await self._announced(request)
                case "GET":
                    return await self._shown(request)
                case _:
                    return json_response({})  # how the upload went is seen by the object
        except InvalidEventError as error:
            kind = FailureKind.TOO_LARGE if error.code == RejectionCode.TOO_LARGE else FailureKind.MALFORMED
            return self.encode(request, Failure(kind=kind, message=str(error), field=error.field))
        except RetryableError as error:
            return self.encode(request, Failure(kind=FailureKind.UNAVAILABLE, message=str(error)))

    def encode(self, request: WireRequest, outcome: Failure) -> WireResponse:  # noqa: ARG002  the answer is the same for all
        """Say what failed, in Langfuse's shape."""
        return failed(outcome)

    async def _announced(self, request: WireRequest) -> WireResponse:
        digest, said = announced(request.body, self._max_bytes)
        media_id = media_id_of(digest)
        project_id = request.project.project_id
        key = key_of(project_id, media_id)
        if await self._is_there(key, said.content_length):
            return json_response({"mediaId": media_id, "uploadUrl": None}, 201)
        upload = Upload(project_id=project_id, key=key, content_type=said.content_type, size_bytes=said.content_length, sha256=digest.hex())
        return json_response({"mediaId": media_id, "uploadUrl": self._uploads.upload_url(upload, request.headers)}, 201)

    async def _is_there(self, key: str, size_bytes: int) -> bool:
        held = await asyncio.to_thread(self._uploads.store.head, key)
        return held is not None and held.size_bytes == size_bytes

    async def _shown(self, request: WireRequest) -> WireResponse:
        media_id = request.path.rstrip("/").rpartition("/")[2]
        project_id = request.project.project_id
        key = key_of(project_id, media_id)
        held = await asyncio.to_thread(self._uploads.store.head, key) if MEDIA_ID.fullmatch(media_id) else None
        if held is None:
            return json_response({"message": "Media asset not found", "error": "LangfuseNotFoundError"}, 404)
        expires_at = self._uploads.expiry()
        url = self._uploads.download_url(project_id, key, expires_at, request.headers)
        return json_response(_described(media_id, held, url, expires_at))


def announced(body: bytes, max_bytes: int) -> tuple[bytes, Announcement]:
    """Return what is announced and its SHA-256; raise InvalidEventError naming the field that is wrong."""
    try:
        said = _decode(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise invalid(error) from None
    if not MEDIA_TYPE.fullmatch(said.content_type):
        raise InvalidEventError(RejectionCode.WRONG_VALUE, "not a media type", "contentType")
    if said.content_length < 1:
        raise InvalidEventError(RejectionCode.WRONG_VALUE, "must be at least 1", "contentLength")
    if said.content_length > max_bytes:
        raise InvalidEventError(RejectionCode.TOO_LARGE, f"over {max_bytes} bytes", "contentLength")
    try:
        digest = base64.b64decode(said.sha256, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != SHA256_BYTES:
        raise InvalidEventError(RejectionCode.WRONG_VALUE, "not a SHA-256 in base64", "sha256Hash")
    return digest, said


def _described(media_id: str, held: ObjectInfo, url: str, expires_at: int) -> dict[str, Any]:
    return {
        "mediaId": media_id,
        "contentType": held.content_type,
        "contentLength": held.size_bytes,
        "uploadedAt": datetime.fromtimestamp(held.modified_at, UTC),
        "url": url,
        "urlExpiry": datetime.fromtimestamp(expires_at, UTC),
    }
