"""Objects that clients upload and fetch by signed URL: `PUT` and `GET /v1/objects/{token}`; every attachment goes this way."""

import asyncio
import hashlib
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from contract.clock import now_us
from contract.errors import RetryableError
from contract.keys import Project
from contract.metrics import GATEWAY_RECEIVED_BYTES
from contract.objects import ObjectStore
from ingest_gateway.adapters.base import Failure, FailureKind, Route, WireRequest, WireResponse
from ingest_gateway.adapters.statuses import HTTP_STATUSES, RETRY_AFTER_SECONDS, RETRYABLE
from ingest_gateway.domain.grants import Grant, Operation, content_fault, grant_of, token_of
from ingest_gateway.handlers import Handler

PROTOCOL = "objects"
PREFIX = "/v1/objects/"
SECRET_FILE = ".media-secret"  # noqa: S105  its name, not its content
SECRET_BYTES = 32
URL_SECONDS = 3600
US_PER_SECOND = 1_000_000
OPERATIONS: dict[str, Operation] = {"PUT": "put", "GET": "get"}
AUTHORITY = re.compile(r"^[A-Za-z0-9._:\[\]-]{1,255}$")
SAFE_TO_SHOW = {
    "content-disposition": "attachment",
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "private, max-age=3600",
}
"""What strangers uploaded is never shown as a page of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An object about to be uploaded: its key and what its content must be. `sha256` in hex."""

    project_id: str
    key: str
    content_type: str
    size_bytes: int
    sha256: str


class Secret:
    """The secret that URLs are signed with: as set, else made once and kept in a file for its owner alone."""

    def __init__(self, stated: str | None, folder: Path) -> None:
        self._path = folder / SECRET_FILE
        self._value = hashlib.sha256(stated.encode()).digest() if stated else None

    def value(self) -> bytes:
        """Return it; raise RetryableError where it can neither be read nor made."""
        if self._value is None:
            try:
                self._value = _kept(self._path)
            except OSError as error:
                raise RetryableError(f"the secret of upload URLs cannot be kept in {self._path}: {error}") from error
        return self._value


def _kept(path: Path) -> bytes:
    """Return the file's bytes; make it first where it is not there. Of several that make it at once, one wins for all."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f"{SECRET_FILE}-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(SECRET_BYTES))
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(draft)  # noqa: PTH108
    return path.read_bytes()


class Uploads(Handler):
    """Stores and serves objects by signed URL."""

    name = PROTOCOL
    routes = tuple(Route(method=method, path=f"{PREFIX}{{token}}", is_public=True) for method in OPERATIONS)

    def __init__(self, store: ObjectStore, secret: Secret, public_url: str | None, clock: Callable[[], int] = now_us) -> None:
        self.store = store
        self._secret = secret
        self._public_url = public_url.rstrip("/") if public_url else None
        self._clock = clock

    def upload_url(self, upload: Upload, headers: Mapping[str, str]) -> str:
        """Return where the bytes of `upload` may be PUT within an hour; `headers` are those of the request that asks."""
        grant = Grant(
            operation="put",
            project_id=upload.project_id,
            key=upload.key,
            content_type=upload.content_type,
            size_bytes=upload.size_bytes,
            sha256=upload.sha256,
            expires_at=self.expiry(),
        )
        return self._url(grant, headers)

    def download_url(self, project_id: str, key: str, expires_at: int, headers: Mapping[str, str]) -> str:
        """Return where an object may be fetched until `expires_at`, seconds since the epoch."""
        return self._url(download(project_id, key, "", expires_at), headers)

    def expiry(self) -> int:
        """Return when a URL that is signed now expires, seconds since the epoch."""
        return self._clock() // US_PER_SECOND + URL_SECONDS

    def project_of(self, request: WireRequest) -> Project | Failure:
        """Return the project of a valid token; checked before any body is read."""
        try:
            grant = self._grant(request)
        except RetryableError as error:
            return Failure(kind=FailureKind.UNAVAILABLE, message=str(error))
        if grant is None:
            return Failure(kind=FailureKind.FORBIDDEN, message="this URL is not valid, or no longer")
        return Project(grant.project_id, "", "")

    def granted(self, request: WireRequest, operation: Operation) -> Grant | None:
        """Return what the token at the end of a request's path grants, if that is `operation`. Raises RetryableError."""
        token = request.path.rstrip("/").rpartition("/")[2]
        return grant_of(token, self._secret.value(), operation, self._clock() / US_PER_SECOND)

    def token(self, grant: Grant) -> str:
        """Return a grant as the last segment of a URL. Raises RetryableError."""
        return token_of(grant, self._secret.value())

    async def take(self, request: WireRequest) -> WireResponse:
        """Store or return an object."""
        try:
            grant = self._grant(request)
            if grant is None:
                return self.encode(request, Failure(kind=FailureKind.FORBIDDEN, message="this URL is no longer valid"))
            return await (self._put(request, grant) if grant.operation == "put" else asyncio.to_thread(self.fetched, grant))
        except RetryableError as error:
            return self.encode(request, Failure(kind=FailureKind.UNAVAILABLE, message=str(error)))

    def encode(self, request: WireRequest, outcome: Failure) -> WireResponse:  # noqa: ARG002  the answer is the same for all
        """Say what failed."""
        headers = {"retry-after": str(RETRY_AFTER_SECONDS)} if outcome.kind in RETRYABLE else {}
        body = msgspec.json.encode({"error": {"code": outcome.kind.value, "message": outcome.message, "field": outcome.field}})
        return WireResponse(status=HTTP_STATUSES[outcome.kind], body=body, headers=headers)

    async def _put(self, request: WireRequest, grant: Grant) -> WireResponse:
        body = request.body
        GATEWAY_RECEIVED_BYTES.labels(PROTOCOL).inc(len(body))
        fault = await asyncio.to_thread(self._checked_put, grant, body)
        if fault is not None:
            return self.encode(request, Failure(kind=FailureKind.MALFORMED, message=fault))
        return WireResponse(body=b"{}")

    def _checked_put(self, grant: Grant, body: bytes) -> str | None:
        fault = content_fault(grant, body)
        if fault is None:
            self.store.put(grant.key, body, grant.content_type)
        return fault

    def fetched(self, grant: Grant) -> WireResponse:
        """Return an object that may be fetched. Blocks; raises RetryableError."""
        found = self.store.get(grant.key)
        if found is None:
            return WireResponse(status=404, body=b'{"error":{"code":"not_found","message":"no such object","field":null}}')
        return WireResponse(body=found.body, content_type=grant.content_type or found.info.content_type, headers=SAFE_TO_SHOW)

    def _grant(self, request: WireRequest) -> Grant | None:
        return self.granted(request, OPERATIONS[request.method])

    def _url(self, grant: Grant, headers: Mapping[str, str]) -> str:
        return f"{self._public_url or base_url(headers)}{PREFIX}{self.token(grant)}"


def download(project_id: str, key: str, content_type: str, expires_at: int) -> Grant:
    """Return permission to fetch an object, shown as `content_type` if one is given, else as the type it was stored with."""
    return Grant(operation="get", project_id=project_id, key=key, content_type=content_type, size_bytes=0, sha256="", expires_at=expires_at)


def base_url(headers: Mapping[str, str]) -> str:
    """Return the address by which a client reached us, as its request and the proxies on its way say."""
    stated = (headers.get("x-forwarded-host") or headers.get("host") or "").partition(",")[0].strip()
    scheme = headers.get("x-forwarded-proto", "http").partition(",")[0].strip().lower()
    authority = stated if AUTHORITY.fullmatch(stated) else "127.0.0.1"
    return f"{'https' if scheme == 'https' else 'http'}://{authority}"
