"""Opik's attachment calls: an SDK says that a file comes, PUTs it to the URL it is given, lists and fetches what is there.

A file is always PUT here in one piece (the SDK's own way with a server that is not Amazon's); its length is only known once it has come.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Final

from contract.errors import InvalidEventError, RetryableError
from contract.events import RejectionCode
from contract.keys import Project
from contract.metrics import GATEWAY_FILES, GATEWAY_RECEIVED_BYTES
from contract.objects import ListedStore
from ingest_gateway.adapters.base import Decoded, Failure, FailureKind, Route, WireRequest, WireResponse
from ingest_gateway.adapters.opik import attachments
from ingest_gateway.adapters.opik.adapter import OPIK, source_of
from ingest_gateway.adapters.opik.answers import found, not_found
from ingest_gateway.adapters.opik.attachments import Listed, Owned
from ingest_gateway.adapters.opik.calls import PREFIX, PRIVATE
from ingest_gateway.adapters.statuses import HTTP_STATUSES, RETRY_AFTER_SECONDS, RETRYABLE
from ingest_gateway.domain import files
from ingest_gateway.domain.grants import Grant, content_fault
from ingest_gateway.files import Files
from ingest_gateway.handlers import Handler
from ingest_gateway.uploads import Uploads, download

START: Final = f"{PRIVATE}/attachment/upload-start"
UPLOAD: Final = f"{PRIVATE}/attachment/upload/"
END: Final = f"{PRIVATE}/attachment/upload-complete"
LIST: Final = f"{PRIVATE}/attachment/list"
DOWNLOAD: Final = f"{PRIVATE}/attachment/download"
MOST_LISTED: Final = 1_000
POSITIVE: Final = re.compile(r"0{0,9}[1-9][0-9]{0,9}", re.ASCII)
PAGE_ROWS: Final = 100

Publish = Callable[[Project, Decoded, int], Awaitable[Decoded | Failure]]


class OpikAttachments(Handler):
    """Everything below /opik/api/v1/private/attachment. Files are read with a key that may read, or by a signed link."""

    name = OPIK.name
    routes = (
        Route(method="POST", path=START),
        Route(method="PUT", path=f"{UPLOAD}{{token}}", is_public=True),
        Route(method="POST", path=END),
        Route(method="GET", path=LIST, scope="read"),
        Route(method="GET", path=DOWNLOAD, scope="read"),
        Route(method="GET", path=f"{DOWNLOAD}/{{token}}", is_public=True),
    )

    def __init__(self, uploads: Uploads, store: ListedStore, kept: Files, publish: Publish, max_bytes: int) -> None:
        self._uploads = uploads
        self._store = store
        self._files = kept
        self._publish = publish
        self._max_bytes = max_bytes

    def project_of(self, request: WireRequest) -> Project | Failure:
        """Return the project of a signed URL."""
        try:
            grant = self._uploads.granted(request, "attach" if request.method == "PUT" else "get")
        except RetryableError as error:
            return Failure(kind=FailureKind.UNAVAILABLE, message=str(error))
        if grant is None:
            return Failure(kind=FailureKind.FORBIDDEN, message="this URL is not valid, or no longer")
        return Project(grant.project_id, "", "")

    async def take(self, request: WireRequest) -> WireResponse:
        """Answer one of the calls."""
        try:
            return await self._answer(request)
        except InvalidEventError as error:
            kind = FailureKind.TOO_LARGE if error.code == RejectionCode.TOO_LARGE else FailureKind.MALFORMED
            return self.encode(request, Failure(kind=kind, message=str(error), field=error.field))
        except RetryableError as error:
            return self.encode(request, Failure(kind=FailureKind.UNAVAILABLE, message=str(error)))

    def encode(self, request: WireRequest, outcome: Failure) -> WireResponse:  # noqa: ARG002  the answer is the same for all
        """Say what failed. 503 is what every generation of the SDK sends a file again on; messages wait on 429 instead."""
        message = f"{outcome.field}: {outcome.message}" if outcome.field else outcome.message
        status = HTTP_STATUSES[outcome.kind]
        answer = found({"code": status, "message": message, "errors": [message]})
        headers = {"retry-after": str(RETRY_AFTER_SECONDS)} if outcome.kind in RETRYABLE else {}
        return WireResponse(status=status, body=answer.body, headers=headers)

    async def _answer(self, request: WireRequest) -> WireResponse:
        if request.method == "PUT":
            return await self._uploaded(request)
        answers = {START: self._started, END: _ended, LIST: self._listed, DOWNLOAD: self._fetched}
        answer = answers.get(request.path.rstrip("/"))
        return await (asyncio.to_thread(answer, request) if answer else self._uploads.take(request))

    def _started(self, request: WireRequest) -> WireResponse:
        """Say where a file goes: below the base URL that the SDK itself gives."""
        file, said = attachments.announced(request.body, request.limits, self._max_bytes)
        project_id = request.project.project_id
        grant = Grant(
            operation="attach",
            project_id=project_id,
            key=attachments.key_of(project_id, file),
            content_type=files.media_type_of(said.mime_type or ""),
            size_bytes=self._max_bytes,
            sha256="",
            expires_at=self._uploads.expiry(),
            about=attachments.note_of(file),
        )
        url = f"{attachments.base_url_of(said.path, request.headers)}{_below(UPLOAD)}{self._uploads.token(grant)}"
        return found({"upload_id": attachments.DIRECT_UPLOAD, "pre_sign_urls": [url]})

    async def _uploaded(self, request: WireRequest) -> WireResponse:
        """Keep a file, list it, and have its trace name it; all of it may be done again."""
        grant = self._uploads.granted(request, "attach")
        if grant is None:
            return self.encode(request, Failure(kind=FailureKind.FORBIDDEN, message="this URL is no longer valid"))
        GATEWAY_RECEIVED_BYTES.labels(self.name).inc(len(request.body))
        fault = content_fault(grant, request.body)
        if fault is not None:
            return self.encode(request, Failure(kind=FailureKind.TOO_LARGE, message=fault))
        file = attachments.owned_in(grant.about)
        listed = await asyncio.to_thread(self._kept, grant, file, request.body)
        event = attachments.link_event(file, listed, request.received_at)
        if event is not None:
            decoded = Decoded(items=[event], source=source_of(request.headers), statements=1)
            outcome = await self._publish(request.project, decoded, request.received_at)
            if isinstance(outcome, Failure):
                return self.encode(request, outcome)
        GATEWAY_FILES.labels(self.name, "kept").inc()
        return WireResponse(status=204)

    def _kept(self, grant: Grant, file: Owned, body: bytes) -> Listed:
        media_id = self._files.put(grant.project_id, body, grant.content_type)
        listed = Listed(file.file_name, len(body), grant.content_type, media_id)
        self._store.put(grant.key, attachments.listing(listed), "application/json")
        return listed

    def _listed(self, request: WireRequest) -> WireResponse:
        query, project_id = request.query, request.project.project_id
        entity_type = attachments.entity_type_of(query.get("entity_type", ""))
        folder = attachments.folder_of(project_id, entity_type, query.get("entity_id", ""))
        keys = list(islice(self._store.keys(folder), MOST_LISTED))
        number, rows = _positive(query.get("page")) or 1, _positive(query.get("size")) or PAGE_ROWS
        base = attachments.base_url_of(query.get("path", ""), request.headers)
        listed = [one for key in keys[(number - 1) * rows : number * rows] if (one := self._one(key))]
        return found(attachments.page_of([attachments.shown(one, self._link(base, project_id, one)) for one in listed], len(keys), number))

    def _link(self, base: str, project_id: str, listed: Listed) -> str:
        grant = download(project_id, files.key_of(project_id, listed.media_id), listed.mime_type, self._uploads.expiry())
        return f"{base}{_below(DOWNLOAD)}/{self._uploads.token(grant)}"

    def _fetched(self, request: WireRequest) -> WireResponse:
        """Return a file by the name of its owner and its own."""
        query, project_id = request.query, request.project.project_id
        file = attachments.owned(query.get("entity_type", ""), query.get("entity_id", ""), query.get("file_name", ""), request.limits)
        listed = self._one(attachments.key_of(project_id, file))
        if listed is None:
            return not_found("no such attachment")
        return self._uploads.fetched(download(project_id, files.key_of(project_id, listed.media_id), listed.mime_type, 0))

    def _one(self, key: str) -> Listed | None:
        held = self._store.get(key)
        return None if held is None else attachments.listed_in(held.body)


def _ended(_: WireRequest) -> WireResponse:
    """Take note; a file that came in one piece is there."""
    return WireResponse(status=204)


def _below(path: str) -> str:
    """Return a path as it stands below an SDK's base URL."""
    return path.removeprefix(PREFIX)


def _positive(text: str | None) -> int | None:
    """Return a number that is one; a page beyond all pages is empty."""
    return min(int(text), MOST_LISTED) if text and POSITIVE.fullmatch(text) else None
