"""Deletion: what is found is logged, said, removed and receipted, until nothing is found; asked again, it goes on."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
import pytest

from contract.batches import batch_of, record_of
from contract.codec import Codec
from contract.deletion import is_deletion
from contract.deletion_log import deleted
from contract.errors import RetryableError
from contract.events import EventBatch
from contract.keys import Project
from contract.objects import DirectoryStore
from contract.payloads import folder_of, object_key
from contract.schemas import EVENT_BATCH
from ingest_gateway.adapters.base import WireRequest, WireResponse
from ingest_gateway.deletions import Deletions
from ingest_gateway.domain.files import key_of
from ingest_gateway.publisher import KeyedBatch
from ingest_gateway.router import Match, Router

NOW_US = 1_795_262_400_000_000
AT = "2026-11-21T12:00:00.000000Z"
PROJECT = Project("p", "P", "pk")


class Pipeline:
    """What is published goes through the codec and takes effect in the reads, after a number of looks."""

    def __init__(self) -> None:
        self.traces: dict[str, dict[str, Any]] = {}
        self.scores: dict[str, dict[str, Any]] = {}
        self.batches: list[tuple[str, EventBatch]] = []
        self.delay = 0
        self.is_away = False
        self._waiting: list[tuple[int, str, str]] = []
        self._reads = 0

    def trace(self, trace_id: str, *observations: str, **more: Any) -> None:
        """Store a trace."""
        parts = [{"id": name, "start_time": AT} for name in observations]
        self.traces[trace_id] = {"id": trace_id, "start_time": AT, "observations": parts, "scores": [], **more}

    async def publish(self, batches: Sequence[KeyedBatch]) -> None:
        """Take statements in."""
        if self.is_away:
            raise RetryableError("away")
        codec = Codec()
        for key, batch in batches:
            read = batch_of(codec.decode(codec.encode(EVENT_BATCH, record_of(batch)))[1])
            self.batches.append((key, read))
            assert is_deletion(read.source)
            self._waiting += [(self._reads + self.delay, event.entity, event.entity_id) for event in read.events]

    async def fetch(self, target: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Answer a read."""
        assert headers["authorization"] == "Bearer admin"
        self._reads += 1
        for _, entity, entity_id in [one for one in self._waiting if one[0] < self._reads]:
            (self.traces if entity == "trace" else self.scores).pop(entity_id, None)
        parts = urlsplit(target)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path.startswith("/api/v1/traces/"):
            found = self.traces.get(unquote(parts.path.rpartition("/")[2]))
            return (404, b"{}") if found is None else (200, json.dumps(found).encode())
        rows = self.traces if parts.path.endswith("/traces") else self.scores
        limit = int(asked.pop("limit"))
        chosen = [row for row in rows.values() if all(row.get(name) == value for name, value in asked.items())]
        return 200, json.dumps({"data": chosen[:limit], "next_cursor": None}).encode()


class Shell:
    """The handler as the HTTP server drives it."""

    def __init__(self, folder: Path, call_seconds: float = 60.0) -> None:
        self.pipeline = Pipeline()
        self.store = DirectoryStore(folder)
        self.call_seconds = call_seconds

    def call(self, method: str, path: str, body: Any = None, *, project: Project = PROJECT) -> tuple[int, dict[str, Any]]:
        """Make one call with the admin key of `project`."""
        pipeline = self.pipeline
        handler = Deletions(
            self.store,
            pipeline.fetch,
            pipeline.publish,
            800_000,
            call_seconds=self.call_seconds,
            pause_seconds=0.0,
            clock=lambda: NOW_US,
        )
        found = Router([handler]).find(method, path)
        assert isinstance(found, Match)
        assert found.route.scope == "admin"
        request = WireRequest(
            method=method,
            path=path,
            headers={"authorization": "Bearer admin"},
            query={},
            body=b"" if body is None else json.dumps(body).encode(),
            received_at=NOW_US,
            project=project,
        )
        answer: WireResponse = asyncio.run(handler.take(request))
        return answer.status, json.loads(answer.body)

    def payload(self, trace_id: str, project_id: str = "p") -> str:
        """Keep a payload of a trace; return its key."""
        key = object_key(project_id, f"{folder_of(f'{project_id}/{trace_id}')}/{'0' * 64}")
        self.store.put(key, b"x")
        return key


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """An empty store and pipeline."""
    return Shell(tmp_path)


def test_a_trace_is_deleted_with_its_parts_and_payloads_and_a_receipt_says_so(shell: Shell) -> None:
    """Observations and scores are named, the payloads' folder is emptied, other traces stay, and the receipt can be read later."""
    shell.pipeline.trace("t1", "o1", "o2", scores=[{"id": "c", "trace_id": "t1", "start_time": AT}])
    shell.pipeline.trace("t2", "o3")
    mine, other = shell.payload("t1"), shell.payload("t2")

    status, receipt = shell.call("DELETE", "/api/v1/traces/t1")

    assert (status, receipt["traces"], receipt["observations"], receipt["scores"], receipt["objects"]) == (200, 1, 2, 1, 1)
    assert {event.entity_id for _, batch in shell.pipeline.batches for event in batch.events} == {"t1", "o1", "o2", "c"}
    assert [key for key, _ in shell.pipeline.batches] == ["p/t1", "p/c"]
    assert (shell.store.get(mine), shell.store.get(other) is None) == (None, False)
    assert list(shell.pipeline.traces) == ["t2"]
    assert shell.call("GET", f"/api/v1/deletions/{receipt['receipt_id']}") == (200, receipt)
    assert shell.call("GET", "/api/v1/deletions")[1]["data"] == [receipt]


@pytest.mark.parametrize(("kind", "field"), [("session", "session_id"), ("user", "user_id")])
def test_all_traces_of_a_session_or_user_are_deleted(shell: Shell, kind: str, field: str) -> None:
    """However many pages there are, and whatever characters the id has; others' stay."""
    for number in range(120):
        shell.pipeline.trace(f"t{number}", f"o{number}", **{field: "a b/ä"})
    shell.pipeline.trace("other", **{field: "b"})

    status, receipt = shell.call("POST", "/api/v1/deletions", {"kind": kind, "id": "a b/ä"})

    assert (status, receipt["traces"], receipt["observations"]) == (200, 120, 120)
    assert list(shell.pipeline.traces) == ["other"]


def test_a_project_is_deleted_with_all_its_objects(shell: Shell) -> None:
    """Traces, scores of no trace, payloads and files; another project's stay. The id must be said again, and be the key's own."""
    shell.pipeline.trace("t1", "o1")
    shell.pipeline.scores["c"] = {"id": "c", "trace_id": None, "start_time": AT}
    shell.store.put(key_of("p", "m" * 22), b"file")
    mine, other = shell.payload("gone-long-ago"), shell.payload("t1", "q")

    assert shell.call("POST", "/api/v1/deletions", {"kind": "project", "id": "q"})[0] == 400
    status, receipt = shell.call("POST", "/api/v1/deletions", {"kind": "project", "id": "p"})

    assert (status, receipt["traces"], receipt["scores"], receipt["objects"]) == (200, 1, 1, 2)
    assert shell.store.get(mine) is shell.store.get(key_of("p", "m" * 22)) is None
    assert shell.store.get(other) is not None
    assert deleted(shell.store).holds(b"p/anything", "p", NOW_US - 1)
    assert not deleted(shell.store).holds(b"p/anything", "p", NOW_US)
    assert not deleted(shell.store).holds(b"q/t1", "q", NOW_US - 1)


def test_what_a_replay_must_leave_out_stands_in_the_log_before_it_is_said(shell: Shell) -> None:
    """While Kafka is away nothing is deleted, the client is told to come again, and the same receipt is gone on with."""
    shell.pipeline.trace("t1", "o1")
    shell.pipeline.is_away = True
    assert shell.call("DELETE", "/api/v1/traces/t1")[0] == 503
    assert deleted(shell.store).holds(b"p/t1", "p", NOW_US)
    (unfinished,) = shell.call("GET", "/api/v1/deletions")[1]["data"]
    assert unfinished["finished_at"] is None

    shell.pipeline.is_away = False
    status, receipt = shell.call("DELETE", "/api/v1/traces/t1")

    assert (status, receipt["receipt_id"], receipt["observations"]) == (200, unfinished["receipt_id"], 1)


def test_a_call_whose_time_is_over_says_so_and_the_next_goes_on(tmp_path: Path) -> None:
    """202 until what was said has taken effect; the receipt adds up what all calls did."""
    shell = Shell(tmp_path, call_seconds=-1.0)
    shell.pipeline.trace("t1", "o1")
    status, unfinished = shell.call("DELETE", "/api/v1/users/u")
    assert (status, unfinished["finished_at"]) == (202, None)
    shell.call_seconds = 60.0
    status, receipt = shell.call("DELETE", "/api/v1/users/u")
    assert (status, receipt["receipt_id"]) == (200, unfinished["receipt_id"])


def test_what_shows_up_while_a_trace_goes_is_deleted_as_well(shell: Shell) -> None:
    """An observation that was on its way when the trace was deleted is found by the next look."""
    shell.pipeline.trace("t1", "o1")
    shell.pipeline.delay = 3
    fetch, seen = shell.pipeline.fetch, []

    async def late(target: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        seen.append(target)
        if len(seen) == 4 and "t1" in shell.pipeline.traces:
            shell.pipeline.traces["t1"]["observations"].append({"id": "late", "start_time": AT})
        return await fetch(target, headers)

    shell.pipeline.fetch = late  # type: ignore[method-assign]
    assert shell.call("DELETE", "/api/v1/traces/t1")[1]["observations"] == 2


def test_asked_again_nothing_is_done_and_said(shell: Shell) -> None:
    """What is not there is no error: its deletion is finished, with nothing in it."""
    status, receipt = shell.call("DELETE", "/api/v1/sessions/none")
    assert (status, receipt["traces"], shell.pipeline.batches) == (200, 0, [])


@pytest.mark.parametrize("path", ["/api/v1/deletions/none", "/api/v1/deletions/..", "/api/v1/deletions/a%2Fb"])
def test_a_receipt_that_is_not_there_is_404(shell: Shell, path: str) -> None:
    """Whatever the id looks like."""
    assert shell.call("GET", path)[0] == 404


def test_a_body_that_is_none_is_refused(shell: Shell) -> None:
    """A kind that there is not, an empty id."""
    bodies: list[Any] = [{"kind": "planet", "id": "x"}, {"kind": "user", "id": ""}, {"id": "x"}, []]
    for body in bodies:
        assert shell.call("POST", "/api/v1/deletions", body)[0] == 400, msgspec.json.encode(body)
