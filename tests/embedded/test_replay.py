"""Archived events, replayed: into an empty stack they give the same rows and totals, into the same stack they change nothing."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from contract.control import key_record, project_record
from contract.kafka import KafkaSettings
from contract.keys import Project, api_key
from contract.objects import DirectoryStore
from sinks.archive import container
from sinks.archive.layout import PREFIX
from sluice import kafka_access
from sluice.demonstration.client import ApiError, Client
from sluice.embedded import running
from sluice.embedded.running import RunningStack
from tests.embedded.dumping import dumped
from tests.embedded.settling import await_settled
from tests.embedded.varied_load import Load

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(420)]

OTHER = "other"
OTHER_INGEST, OTHER_READ = "sl-ingest-of-the-other-project", "sl-read-of-the-other-project"
TRACES = 40
MARKS = -3
ENVIRON = {"ARCHIVE_INTERVAL_SECONDS": "0.5"}


def start(root: Path, **more: str) -> RunningStack:
    """Start a stack with a second project."""
    stack = running.start(root, {**ENVIRON, **more})
    records = [project_record(Project(OTHER, OTHER, f"pk-{OTHER}"))]
    records += [key_record(api_key(OTHER_INGEST, OTHER, "ingest")), key_record(api_key(OTHER_READ, OTHER, "read"))]
    kafka_access.write(KafkaSettings(bootstrap_servers=stack.endpoints.kafka), *records)
    return stack


def send(stack: RunningStack) -> None:
    """Send the varied load, some of it to each project."""
    where, now = stack.endpoints, datetime.now(UTC)
    for number, (prefix, key) in enumerate((("a", where.ingest_key), ("b", OTHER_INGEST))):
        with Client(where.gateway_http, key) as client:
            for request in Load(Random(number), prefix, now).requests(TRACES):
                post(client, request)


def post(client: Client, request: list[dict[str, Any]]) -> None:
    """Post a request; a key that was just made is known within seconds."""
    deadline = time.monotonic() + 10
    while True:
        try:
            answer = client.post("/v1/events", request)
        except ApiError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            assert answer == {"accepted": len(request), "rejected": []}
            return


def read(stack: RunningStack) -> dict[str, Any]:
    """Return sessions, users and daily metrics of both projects as the read API tells them."""
    where, found = stack.endpoints, {}
    for project, key in ((where.project_id, where.read_key), (OTHER, OTHER_READ)):
        with Client(where.query_http, key) as client:
            for path in ("/api/v1/sessions", "/api/v1/users", "/api/v1/metrics/daily"):
                data = client.get(path)["data"]
                assert data, path
                found[project + path] = sorted(map(repr, data))
    return found


def replay_command(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "sluice", "replay", *words)


def replay(data_dir: Path, objects: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `sluice replay` against the stack on `data_dir`."""
    environ = {**os.environ, "SLUICE_DATA_DIR": str(data_dir), "OBJECT_DIR": str(objects)}
    return subprocess.run(replay_command(*words), env=environ, capture_output=True, text=True, timeout=200, check=False)


def interrupt_a_replay(data_dir: Path, objects: Path, *words: str) -> Path:
    """Begin a slow replay and kill it once it has written a checkpoint with something in it; return the checkpoint."""
    environ = {**os.environ, "SLUICE_DATA_DIR": str(data_dir), "OBJECT_DIR": str(objects)}
    process = subprocess.Popen(replay_command("--rate", "20", *words), env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 60
        while not (found := [path for path in data_dir.glob("replay-*.json") if b'"next_offsets":{}' not in path.read_bytes()]):
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert time.monotonic() < deadline, "no checkpoint"
            time.sleep(0.05)
    finally:
        process.kill()
        process.communicate()
    return found[0]


@pytest.fixture
def stacks() -> Iterator[list[RunningStack]]:
    """Hold stacks of this test's own, and stop those that still run."""
    started: list[RunningStack] = []
    yield started
    for stack in started:
        if stack.process.poll() is None:
            stack.stop()


def archived_count(objects: Path) -> int:
    """Count the archived records."""
    store = DirectoryStore(objects)
    bodies = [found.body for key in store.keys(PREFIX) if (found := store.get(key)) is not None]
    return sum(len(list(container.records_of(body))) for body in bodies)


def without_marks(rows: dict[str, list[dict[str, Any]]], *tables: str) -> dict[str, list[dict[str, Any]]]:
    """Return rows whose stamps end before what is about the processor: the earliest event it knew of, and whether it had the whole entity.

    A trace that was long forgotten is put together by the sink, of as many rows as the processor took steps for it.
    """
    copied = {name: [dict(row) for row in table] for name, table in rows.items()}
    for row in (row for name in tables for row in copied[name]):
        row["stamps"] = json.loads(row["stamps"])[:MARKS]
    return copied


def test_from_the_archive_into_an_empty_stack_and_into_the_same(
    tmp_path: Path, stacks: list[RunningStack], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All five tables row for row (but for the fences, which are offsets), and the totals; then nothing changes any more.

    The third stack takes every event for one that it has long forgotten, as those of an old archive are.
    """
    first_dir, second_dir = tmp_path / "first", tmp_path / "second"
    objects = first_dir / "objects"
    first = start(first_dir)
    stacks.append(first)
    send(first)
    count = await_settled(first.endpoints.kafka)
    told = read(first)
    first.stop()
    rows = dumped(first_dir)
    assert archived_count(objects) == count
    assert all(rows.values())

    second = start(second_dir)
    stacks.append(second)
    checkpoint = interrupt_a_replay(second_dir, objects, "--into-empty")
    done = replay(second_dir, objects, "--into-empty", "--rate", "5000")
    assert done.returncode == 0, done.stderr
    assert "going on after" in done.stderr
    assert f"{count} records sent" in done.stderr
    assert not checkpoint.exists()
    await_settled(second.endpoints.kafka)
    assert read(second) == told

    refused = replay(second_dir, objects, "--into-empty")
    assert (refused.returncode, "this stack has taken in" in refused.stderr) == (1, True)
    for source in ("archive", "topic"):
        again = replay(second_dir, second_dir / "objects", "--source", source)
        assert again.returncode == 0, again.stderr
        await_settled(second.endpoints.kafka)
        assert read(second) == told
    second.stop()
    assert without_marks(dumped(second_dir), "traces") == without_marks(rows, "traces")

    third_dir = tmp_path / "third"
    third = start(third_dir, STATE_RETENTION_SECONDS="1")
    stacks.append(third)
    assert replay(third_dir, objects, "--into-empty").returncode == 0
    await_settled(third.endpoints.kafka)
    assert read(third) == told
    monkeypatch.setenv("STATE_RETENTION_SECONDS", "1")
    refused = replay(third_dir, objects)
    assert (refused.returncode, "longer ago than the processors remember" in refused.stderr) == (1, True)
    third.stop()
    marked = ("traces", "observations", "scores")
    assert without_marks(dumped(third_dir), *marked) == without_marks(rows, *marked)
