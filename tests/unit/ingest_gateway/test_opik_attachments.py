"""Opik's attachments: announced, PUT by signed URL, listed, fetched, and named by their trace."""

import asyncio
import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from contract.errors import RetryableError
from contract.keys import Project
from contract.objects import DirectoryStore, ObjectInfo, StoredObject
from ingest_gateway.adapters.base import Decoded, Failure, FailureKind, WireRequest, WireResponse
from ingest_gateway.files import Files
from ingest_gateway.opik_attachments import OpikAttachments
from ingest_gateway.router import Match, Router
from ingest_gateway.uploads import Secret, Uploads

PROJECT = Project("p", "P", "pk")
PRIVATE = "/opik/api/v1/private"
NOW_US = 1_795_255_200_000_000
HOUR_US = 3_600_000_000
LIMIT_BYTES = 6 * 1024 * 1024
CONTENT = b"remember\x00\xff"


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

    def keys(self, prefix: str) -> Iterator[str]:
        """Fail."""
        raise RetryableError("away")

    def get_start(self, key: str, size_bytes: int) -> bytes | None:
        """Fail."""
        raise RetryableError("away")


class Shell:
    """The handler as the HTTP server drives it."""

    def __init__(self, folder: Path, store: Any = None) -> None:
        self.now = NOW_US
        self.failure: Failure | None = None
        self.published: list[tuple[Project, Decoded]] = []
        objects = store or DirectoryStore(folder)
        self.uploads = Uploads(objects, Secret("s", folder), None, lambda: self.now)
        self.attachments = OpikAttachments(self.uploads, objects, Files(objects), self._publish, LIMIT_BYTES)
        self.router = Router([self.attachments])

    async def _publish(self, project: Project, decoded: Decoded, received_at: int) -> Decoded | Failure:
        if self.failure is None:
            self.published.append((project, decoded))
        return self.failure or decoded

    def call(
        self, method: str, url: str, body: Any = b"", *, project: Project = PROJECT, query: dict[str, str] | None = None
    ) -> WireResponse:
        """Make one call, by path or by URL, with the key of `project` where one is needed."""
        path = urlsplit(url).path
        found = self.router.find(method, path)
        assert isinstance(found, Match), path
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = WireRequest(
            method=method,
            path=path,
            headers={"host": "gateway:8080"},
            query=query or {},
            body=content,
            received_at=self.now,
            project=project,
        )
        if found.route.is_public:
            owner = self.attachments.project_of(request)
            if isinstance(owner, Failure):
                return self.attachments.encode(request, owner)
            request = WireRequest(method=method, path=path, headers=request.headers, body=content, received_at=self.now, project=owner)
        return asyncio.run(self.attachments.take(request))

    def start(self, **said: Any) -> WireResponse:
        """Announce a file."""
        path = base64.b64encode(b"https://sluice.example/opik/api/").decode()
        body = {
            "file_name": "a b.txt",
            "num_of_file_parts": 1,
            "mime_type": "text/plain",
            "project_name": "shop",
            "entity_type": "trace",
            "entity_id": "t",
            "path": path,
            **said,
        }
        return self.call("POST", f"{PRIVATE}/attachment/upload-start", body)

    def upload(self, content: bytes = CONTENT, **said: Any) -> WireResponse:
        """Announce a file and PUT it."""
        [url] = json.loads(self.start(**said).body)["pre_sign_urls"]
        return self.call("PUT", url, content)

    def listed(self, entity_type: str = "trace", entity_id: str = "t", **more: Any) -> Any:
        """List an entity's files."""
        project = more.pop("project", PROJECT)
        query = {"entity_type": entity_type, "entity_id": entity_id, "path": base64.b64encode(b"http://other/opik/api/").decode(), **more}
        return json.loads(self.call("GET", f"{PRIVATE}/attachment/list", project=project, query=query).body)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Return the handler over a directory."""
    return Shell(tmp_path)


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://sluice.example/opik/api/", "https://sluice.example/opik/api"),
        ("https://sluice.example/proxied/", "https://sluice.example/proxied"),
        ("file:///etc/passwd", "http://gateway:8080/opik/api"),
        ("https://x/\r\n", "http://gateway:8080/opik/api"),
    ],
)
def test_a_file_goes_below_the_clients_own_base_url(shell: Shell, base_url: str, expected: str) -> None:
    """In one piece, as the magic upload id says, behind whatever proxy."""
    start = json.loads(shell.start(path=base64.b64encode(base_url.encode()).decode()).body)

    [url] = start["pre_sign_urls"]
    assert start["upload_id"] == "BEMinIO"
    assert url.rpartition("/")[0] == f"{expected}/v1/private/attachment/upload"


def test_what_is_put_is_listed_and_fetched(shell: Shell) -> None:
    """By link and by name, as it came; its trace names it."""
    assert shell.upload().status == 204

    page = shell.listed()
    [shown] = page["content"]
    fetched = shell.call("GET", shown["link"])
    query = {"entity_type": "trace", "entity_id": "t", "file_name": "a b.txt", "mime_type": "text/plain"}
    by_name = shell.call("GET", f"{PRIVATE}/attachment/download", query=query)

    assert (page["page"], page["size"], page["total"]) == (1, 1, 1)
    assert (shown["file_name"], shown["file_size"], shown["mime_type"]) == ("a b.txt", len(CONTENT), "text/plain")
    assert shown["link"].startswith("http://other/opik/api/v1/private/attachment/download/")
    assert (fetched.body, fetched.content_type, by_name.body) == (CONTENT, "text/plain", CONTENT)
    assert fetched.headers["content-disposition"] == "attachment"
    [(project, decoded)] = shell.published
    [event] = decoded.events
    reference = json.loads(event.fields["metadata"]["attachment.a b.txt"])
    assert (project.project_id, event.entity, event.entity_id, event.trace_id, event.is_update) == ("p", "trace", "t", "t", True)
    assert (reference["mime_type"], reference["bytes"], reference["is_kept"]) == ("text/plain", len(CONTENT), True)


def test_a_spans_file(shell: Shell) -> None:
    """Listed with its span; no trace names it, since nothing says which trace that is."""
    assert shell.upload(entity_type="span", entity_id="s").status == 204

    assert [shown["file_name"] for shown in shell.listed("span", "s")["content"]] == ["a b.txt"]
    assert shell.listed("trace", "s")["content"] == []
    assert shell.published == []


def test_a_file_of_the_same_name_takes_the_others_place(shell: Shell) -> None:
    """Others of the entity stay."""
    for content, name in ((b"1", "a"), (b"22", "b"), (b"333", "a")):
        assert shell.upload(content, file_name=name).status == 204

    assert sorted((shown["file_name"], shown["file_size"]) for shown in shell.listed()["content"]) == [("a", 3), ("b", 2)]


def test_pages(shell: Shell) -> None:
    """Every file is on one page; beyond the last there is none."""
    for number in range(5):
        shell.upload(b"x", file_name=f"{number}")

    pages = [shell.listed(page=str(page), size="2") for page in (1, 2, 3, 4)]
    assert [len(page["content"]) for page in pages] == [2, 2, 1, 0]
    assert {shown["file_name"] for page in pages for shown in page["content"]} == {"0", "1", "2", "3", "4"}
    assert {page["total"] for page in pages} == {5}
    assert len(shell.listed(page="-1", size="²")["content"]) == 5


def test_projects_are_apart(shell: Shell) -> None:
    """Another project sees nothing of it."""
    shell.upload()

    assert shell.listed(project=Project("q", "Q", "qk"))["content"] == []


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"entity_type": "thread"}, 400),
        ({"entity_id": ""}, 400),
        ({"file_name": ""}, 400),
        ({"file_name": "x" * 201}, 400),
        ({"file_name": None}, 400),
        ({"num_of_file_parts": 3}, 413),
        ({"num_of_file_parts": 2}, 200),
        ({"mime_type": None}, 200),
    ],
)
def test_odd_announcements(shell: Shell, said: dict[str, Any], status: int) -> None:
    """What cannot be taken is said before anything is sent."""
    assert shell.start(**said).status == status


def test_a_type_that_is_none(shell: Shell) -> None:
    """Is kept as bytes of no known type."""
    shell.upload(mime_type="text\r\nx: y")

    assert [shown["mime_type"] for shown in shell.listed()["content"]] == ["application/octet-stream"]


def test_content_over_the_cap(shell: Shell) -> None:
    """Is refused when it comes, whatever was announced, and not kept."""
    assert shell.upload(b"x" * (LIMIT_BYTES + 1)).status == 413
    assert shell.listed()["content"] == []


def test_urls_expire_and_are_for_one_thing(shell: Shell) -> None:
    """A URL to PUT is none to fetch, nor for plain objects; an hour later it is nothing."""
    [url] = json.loads(shell.start().body)["pre_sign_urls"]
    token = url.rpartition("/")[2]
    plain = WireRequest(method="PUT", path=f"/v1/objects/{token}", headers={}, body=b"x", received_at=1, project=PROJECT)

    assert shell.call("GET", f"{PRIVATE}/attachment/download/{token}").status == 403
    assert isinstance(shell.uploads.project_of(plain), Failure)
    shell.now += HOUR_US
    assert shell.call("PUT", url, b"x").status == 403


def test_what_is_not_there(shell: Shell) -> None:
    """An unknown file is 404, an unnamed one 400."""
    query = {"entity_type": "span", "entity_id": "s", "file_name": "f"}

    assert shell.call("GET", f"{PRIVATE}/attachment/download", query=query).status == 404
    assert shell.call("GET", f"{PRIVATE}/attachment/download").status == 400
    assert shell.call("POST", f"{PRIVATE}/attachment/upload-complete", {"file_name": "f"}).status == 204


def test_storage_away(shell: Shell, tmp_path: Path) -> None:
    """A passing fault is 503, on which every generation of the SDK sends a file again."""
    [url] = json.loads(shell.start().body)["pre_sign_urls"]
    away = Shell(tmp_path, AwayStore())

    assert away.call("PUT", url, CONTENT).status == 503
    assert away.call("GET", f"{PRIVATE}/attachment/list", query={"entity_type": "trace", "entity_id": "t"}).status == 503


def test_kafka_away(shell: Shell) -> None:
    """The file is kept, its trace does not name it yet: it is sent again, and then it does."""
    shell.failure = Failure(kind=FailureKind.UNAVAILABLE, message="Kafka is away")
    refused = shell.upload()
    shell.failure = None

    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert shell.upload().status == 204
    assert len(shell.published) == 1
