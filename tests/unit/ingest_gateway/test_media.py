"""Attachments: announced, uploaded by signed URL, fetched again."""

import asyncio
import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from contract.errors import RetryableError
from contract.keys import Project
from contract.objects import DirectoryStore, ObjectInfo, StoredObject
from ingest_gateway.adapters.base import Failure, FailureKind, WireRequest, WireResponse
from ingest_gateway.media import LangfuseMedia
from ingest_gateway.uploads import SECRET_FILE, Secret, Uploads, base_url

PROJECT = Project("p", "P", "pk")
CONTENT = b"\x89PNG\r\n\x1a\n"
NOW_US = 1_795_255_200_000_000
HOUR_US = 3_600_000_000
LIMIT_BYTES = 1_000


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = NOW_US

    def __call__(self) -> int:
        """Return the time, µs."""
        return self.now


class AwayStore:
    """Storage that does not answer."""

    def put(self, key: str, body: bytes, content_type: str = "") -> None:
        """Fail."""
        raise RetryableError("away")

    def get(self, key: str) -> StoredObject | None:
        """Fail."""
        raise RetryableError("away")

    def head(self, key: str) -> ObjectInfo | None:
        """Fail."""
        raise RetryableError("away")


class Shell:
    """Both handlers as the HTTP server drives them."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.clock = Clock()
        store = more.get("store") or DirectoryStore(folder)
        self.uploads = Uploads(store, Secret(more.get("secret"), folder), more.get("public_url"), self.clock)
        self.media = LangfuseMedia(self.uploads, LIMIT_BYTES)

    def call(self, method: str, path: str, body: bytes = b"", project: Project = PROJECT) -> WireResponse:
        """Ask Langfuse's media routes."""
        headers = {"host": "gateway:8080"}
        request = WireRequest(method=method, path=path, headers=headers, body=body, received_at=1, project=project)
        return asyncio.run(self.media.take(request))

    def fetch(self, method: str, url: str, body: bytes = b"") -> WireResponse:
        """Use a signed URL, without a key."""
        request = WireRequest(method=method, path="/" + url.split("/", 3)[3], headers={}, body=body, received_at=1, project=PROJECT)
        project = self.uploads.project_of(request)
        return self.uploads.encode(request, project) if isinstance(project, Failure) else asyncio.run(self.uploads.take(request))

    def announce(self, content: bytes = CONTENT, **said: Any) -> tuple[int, Any]:
        """Announce an attachment."""
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        body = {"traceId": "t", "field": "input", "contentType": "image/png", "contentLength": len(content), "sha256Hash": digest, **said}
        answer = self.call("POST", "/api/public/media", json.dumps(body).encode())
        return answer.status, json.loads(answer.body)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Return the handlers over a directory."""
    return Shell(tmp_path)


def test_upload_and_fetch(shell: Shell) -> None:
    """Announce, PUT, PATCH, look up, fetch; a second announcement has nothing to upload."""
    status, announced = shell.announce()
    put = shell.fetch("PUT", announced["uploadUrl"], CONTENT)
    patched = shell.call("PATCH", f"/api/public/media/{announced['mediaId']}", b'{"uploadHttpStatus":200}')
    shown = json.loads(shell.call("GET", f"/langfuse/api/public/media/{announced['mediaId']}").body)
    fetched = shell.fetch("GET", shown["url"])

    assert (status, put.status, patched.status, fetched.status) == (201, 200, 200, 200)
    assert announced["mediaId"] == base64.urlsafe_b64encode(hashlib.sha256(CONTENT).digest()).decode()[:22]
    assert announced["uploadUrl"].startswith("http://gateway:8080/v1/objects/")
    assert (shown["contentType"], shown["contentLength"]) == ("image/png", len(CONTENT))
    assert (fetched.body, fetched.content_type) == (CONTENT, "image/png")
    assert fetched.headers["content-disposition"] == "attachment"
    assert shell.announce() == (201, {"mediaId": announced["mediaId"], "uploadUrl": None})


def test_uploading_twice(shell: Shell) -> None:
    """The same content may come again."""
    _, announced = shell.announce()

    assert [shell.fetch("PUT", announced["uploadUrl"], CONTENT).status for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("content", [CONTENT[:-1] + b"x", CONTENT[:-1], CONTENT + b"x", b""])
def test_other_content(shell: Shell, content: bytes) -> None:
    """What is not what was announced is refused and not stored."""
    _, announced = shell.announce()

    assert shell.fetch("PUT", announced["uploadUrl"], content).status == 400
    assert shell.announce()[1]["uploadUrl"] is not None


def test_urls_expire_and_cannot_be_forged(shell: Shell, tmp_path: Path) -> None:
    """An hour later, for another operation, or signed by another deployment a URL is worth nothing."""
    _, announced = shell.announce()
    other = Shell(tmp_path, secret="another").announce()[1]

    assert shell.fetch("GET", announced["uploadUrl"]).status == 403
    assert shell.fetch("PUT", other["uploadUrl"], CONTENT).status == 403
    shell.clock.now += HOUR_US
    assert shell.fetch("PUT", announced["uploadUrl"], CONTENT).status == 403


def test_projects_are_apart(shell: Shell) -> None:
    """Another project sees nothing of it."""
    _, announced = shell.announce()
    shell.fetch("PUT", announced["uploadUrl"], CONTENT)

    assert shell.call("GET", f"/api/public/media/{announced['mediaId']}", project=Project("q", "Q", "qk")).status == 404


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"contentLength": 0}, 400),
        ({"contentLength": LIMIT_BYTES + 1}, 413),
        ({"sha256Hash": "short"}, 400),
        ({"contentType": "image/png\n"}, 400),
        ({"contentType": None}, 400),
    ],
)
def test_odd_announcements(shell: Shell, said: dict[str, Any], status: int) -> None:
    """What cannot be taken is said before anything is sent."""
    found, answer = shell.announce(**said)

    assert (found, "message" in answer) == (status, True)


def test_storage_away(tmp_path: Path) -> None:
    """A passing fault is a 503 that may be tried again."""
    shell = Shell(tmp_path, store=AwayStore())

    assert shell.announce()[0] == 503


def test_the_secret_is_made_once(tmp_path: Path) -> None:
    """It is kept for its owner alone, and a restart uses it again."""
    first, second = Secret(None, tmp_path / "new").value(), Secret(None, tmp_path / "new").value()

    assert first == second
    assert (tmp_path / "new" / SECRET_FILE).stat().st_mode & 0o777 == 0o600
    assert Secret("stated", tmp_path).value() != first


def test_a_secret_that_cannot_be_kept(tmp_path: Path) -> None:
    """Uploads fail, for now; nothing else does."""
    (tmp_path / "file").write_bytes(b"")
    shell = Shell(tmp_path / "file", store=DirectoryStore(tmp_path))

    assert shell.announce()[0] == 503
    request = WireRequest(method="PUT", path="/v1/objects/a.b", headers={}, received_at=1, project=PROJECT)
    found = shell.uploads.project_of(request)
    assert isinstance(found, Failure)
    assert found.kind is FailureKind.UNAVAILABLE


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        ({"host": "a:1"}, "http://a:1"),
        ({"host": "a", "x-forwarded-proto": "https, http", "x-forwarded-host": "b.example, c"}, "https://b.example"),
        ({"host": "[::1]:8080"}, "http://[::1]:8080"),
        ({"host": "a/b@c"}, "http://127.0.0.1"),
    ],
)
def test_base_url(headers: dict[str, str], url: str) -> None:
    """Upload URLs lead where the client came from."""
    assert base_url(headers) == url


def test_a_public_url_of_ones_own(tmp_path: Path) -> None:
    """GATEWAY_PUBLIC_URL goes before what requests say."""
    shell = Shell(tmp_path, public_url="https://sluice.example/")

    assert shell.announce()[1]["uploadUrl"].startswith("https://sluice.example/v1/objects/")
