"""Topics full of what nobody can read: worker and sink stop before they bury it, say so on /healthz, and what is stored stays readable."""

import functools
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.codec import Codec
from contract.kafka import KafkaSettings, producer
from contract.topics import DEAD_LETTERS, EVENTS, OBSERVATIONS
from contract.web import free_port
from sluice.dead_letters.letter import Filters
from sluice.dead_letters.reading import LetterBox
from sluice.embedded import running
from sluice.embedded.running import RunningStack
from sluice.topic_scan import TopicScan
from tests.embedded.reading import await_that, get

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(240)]

RUN_LIMIT = 20
GARBAGE_RECORDS = 400
WITHIN_SECONDS = 30.0
WORKER_PORT, SINK_PORT = free_port(), free_port()


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[RunningStack]:
    """A stack of this test's own, because its services will stop working."""
    environ = {"POISON_RUN_LIMIT": str(RUN_LIMIT), "WORKER_WEB_PORT": str(WORKER_PORT), "SINK_WEB_PORT": str(SINK_PORT)}
    stack = running.start(tmp_path / "stack", environ)
    yield stack
    stack.stop()


def health(port: int) -> tuple[int, str]:
    """Return what /healthz answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def failing(port: int) -> tuple[int, str] | None:
    """Return what /healthz says once it is not well."""
    found = health(port)
    return None if found[0] == 200 else found


def test_poison_stops_worker_and_sink_and_says_why(own_stack: RunningStack) -> None:
    """A run of unreadable records on one partition each; the processes live on and the read API answers."""
    where = own_stack.endpoints
    settings = KafkaSettings(bootstrap_servers=where.kafka)
    pids = where.processes
    assert (health(WORKER_PORT)[0], health(SINK_PORT)[0]) == (200, 200)
    sender = producer(settings, client_id="test", timeout_ms=5000, linger_ms=5)
    for topic in (EVENTS, OBSERVATIONS):
        for number in range(GARBAGE_RECORDS):
            sender.produce(topic, value=b"garbage %d" % number, partition=0)
    assert sender.flush(10) == 0

    for port, topic in ((WORKER_PORT, EVENTS), (SINK_PORT, OBSERVATIONS)):
        status, said = await_that(functools.partial(failing, port), WITHIN_SECONDS)
        assert status == 503
        assert f"{topic}/0 at " in said
        assert f"{RUN_LIMIT} bad records in a row (POISON_RUN_LIMIT)" in said
        assert "no schema is known" in said

    assert get(where, "/api/v1/traces")["data"] == []
    assert own_stack.endpoints.processes == pids
    with TopicScan(settings, DEAD_LETTERS) as scan:
        letters = list(LetterBox(scan, Codec(), scan.ranges()).letters(Filters()))
    assert len(letters) < 2 * RUN_LIMIT
