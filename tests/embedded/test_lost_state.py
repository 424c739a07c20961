"""The processors' state lost in both ways, on real processes: the disk wiped, the changelog deleted; afterwards every total is exact."""

import contextlib
import os
import shutil
import signal
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from confluent_kafka.admin import AdminClient

from contract.topics import changelog
from processors.app import TABLE
from sluice.__main__ import main
from sluice.embedded import running
from sluice.embedded.endpoints import Endpoints
from sluice.embedded.plan import EMBEDDED_PARTITIONS
from sluice.embedded.running import RunningStack
from tests.embedded.dumping import dumped
from tests.embedded.own_process import kafka_of, waiting
from tests.embedded.reading import await_that
from tests.embedded.varied_load import Load

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(600)]

TRACES = 60
WITHIN_SECONDS = 120.0
GROUP = "sluice-processors"
ENVIRON = {"ARCHIVE_INTERVAL_SECONDS": "1", "WORKER_SESSION_TIMEOUT_SECONDS": "6"}

Rows = list[dict[str, Any]]


@contextlib.contextmanager
def started(root: Path) -> Iterator[RunningStack]:
    """A stack on `root`, stopped at the end."""
    stack = running.start(root, ENVIRON)
    try:
        yield stack
    finally:
        if stack.process.poll() is None:
            stack.stop()


def post_all(stack: Endpoints, requests: list[list[dict[str, Any]]]) -> None:
    """Send requests, each of which must be accepted whole."""
    for request in requests:
        headers = {"authorization": f"Bearer {stack.ingest_key}"}
        sent = urllib.request.Request(f"{stack.gateway_http}/v1/events", data=msgspec.json.encode(request), headers=headers)
        with urllib.request.urlopen(sent, timeout=20) as response:
            assert response.status == 200


def settle(stack: Endpoints) -> None:
    """Wait until the worker has processed everything; a stack that is stopped then stores what its sinks hold."""
    assert await_that(lambda: waiting(stack, GROUP) == 0, WITHIN_SECONDS)


def totals_of(dump: dict[str, Rows], table: str) -> dict[str, tuple[int, int, dict[str, int], Decimal]]:
    """Return what the totals say: traces, observations, usage, cost; over all partitions."""
    found: dict[str, Any] = defaultdict(lambda: [0, 0, Counter(), Decimal(0)])
    for row in dump[table]:
        held = found[row["id"]]
        held[0] += row["trace_count"]
        held[1] += row["observation_count"]
        held[2].update(row["usage"])
        held[3] += Decimal(row["total_cost"])
    return {key: (value[0], value[1], +value[2], value[3]) for key, value in found.items() if value[0]}


def recomputed(dump: dict[str, Rows], owner: str) -> dict[str, tuple[int, int, dict[str, int], Decimal]]:
    """Return the same, from the traces and observations that are stored."""
    owners = {row["id"]: row[owner] for row in dump["traces"] if not row["is_deleted"] and row[owner]}
    found: dict[str, Any] = defaultdict(lambda: [0, 0, Counter(), Decimal(0)])
    for group in owners.values():
        found[group][0] += 1
    for row in dump["observations"]:
        if row["is_deleted"] or row["trace_id"] not in owners:
            continue
        held = found[owners[row["trace_id"]]]
        held[1] += 1
        if row["is_counted"]:
            held[2].update(row["usage"])
            held[3] += Decimal(row["total_cost"] or 0)
    return {key: (value[0], value[1], +value[2], value[3]) for key, value in found.items()}


def assert_exact(dump: dict[str, Rows]) -> None:
    """Every session's and user's totals equal recomputation, and there are some."""
    for table, owner in (("sessions", "session_id"), ("users", "user_id")):
        assert totals_of(dump, table) == recomputed(dump, owner)
        assert len(recomputed(dump, owner)) >= 4


def requests_of(seed: int) -> list[list[dict[str, Any]]]:
    """Return a load whose statements about one trace stand far apart."""
    return Load(Random(seed), "lost", datetime.now(UTC)).requests(TRACES)


def test_a_worker_whose_disk_was_wiped_goes_on_from_the_changelog(tmp_path: Path) -> None:
    """Half of the statements before, half after: what they change is right only if the first half is remembered."""
    requests = requests_of(7)
    half = len(requests) // 2
    with started(tmp_path) as stack:
        post_all(stack.endpoints, requests[:half])
        settle(stack.endpoints)
    shutil.rmtree(tmp_path / "worker")
    with started(tmp_path) as stack:
        post_all(stack.endpoints, requests[half:])
        settle(stack.endpoints)

    assert_exact(dumped(tmp_path))


def test_a_lost_changelog_is_told_and_rebuilt_from_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changelog and disk are gone: the worker counts nothing, says why, and goes on by itself once the state is rebuilt."""
    requests = requests_of(11)
    half = len(requests) // 2
    with started(tmp_path) as stack:
        where = stack.endpoints
        post_all(where, requests[:half])
        settle(where)
        lose_state(stack, where)
        post_all(where, requests[half : half + 5])
        assert await_that(lambda: "state_lost" in stack.data.log("worker").read_text(), WITHIN_SECONDS)
        before = waiting(where, GROUP)
        assert before > 0

        monkeypatch.setenv("SLUICE_DATA_DIR", str(tmp_path))
        monkeypatch.setenv("TOPIC_PARTITIONS", EMBEDDED_PARTITIONS)
        assert main(["replay", "--rebuild-state"]) == 0
        settle(where)
        post_all(where, requests[half + 5 :])
        settle(where)

    assert_exact(dumped(tmp_path))


def lose_state(stack: RunningStack, where: Endpoints) -> None:
    """Kill the worker, delete its changelog and wipe its disk while it comes up again."""
    name = changelog(GROUP, TABLE, 6).name
    admin = AdminClient(kafka_of(where).connection())
    os.kill(where.processes["worker"], signal.SIGKILL)
    admin.delete_topics([name])[name].result(20)
    shutil.rmtree(stack.data.worker, ignore_errors=True)
