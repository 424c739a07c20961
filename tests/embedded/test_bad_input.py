"""What goes wrong at the edge of the running stack gets a clear answer, and good events are stored whatever their neighbours are."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from contract.codec import Codec
from contract.kafka import KafkaSettings, consumer, producer
from contract.topics import DEAD_LETTERS, EVENTS
from sluice.embedded.endpoints import Endpoints
from tests.embedded.reading import await_that, get
from tests.embedded.second_gateway import second_gateway

pytestmark = [pytest.mark.embedded]

ANSWER_WITHIN_SECONDS = 5.0


def post(stack: Endpoints, path: str, body: bytes, key: str | None = None, content_type: str = "application/json") -> tuple[int, Any]:
    """POST and return status and JSON answer."""
    headers = {"authorization": f"Bearer {key or stack.ingest_key}", "content-type": content_type}
    request = urllib.request.Request(f"{stack.gateway_http}{path}", data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, _json(response.read())
    except urllib.error.HTTPError as error:
        return error.code, _json(error.read())


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


def trace_event(trace_id: str, **fields: Any) -> dict[str, Any]:
    """Return a statement about a trace."""
    return {"event_id": f"{trace_id}-e", "entity": "trace", "entity_id": trace_id, "trace_id": trace_id, "name": "edge", **fields}


def is_stored(stack: Endpoints, trace_id: str) -> bool:
    """Tell whether a trace can be read."""
    return bool(get(stack, f"/api/v1/traces/{trace_id}")["name"] == "edge")


def test_a_wrong_key_is_401_on_every_protocol(stack: Endpoints) -> None:
    """Native, OTLP and Langfuse set-up calls refuse a key nobody made."""
    assert post(stack, "/v1/events", b"[]", key="sl-ingest-wrong")[0] == 401
    assert post(stack, "/v1/traces", b"{}", key="sl-ingest-wrong")[0] == 401
    with pytest.raises(urllib.error.HTTPError, match="401"):
        get(stack, "/api/public/projects", key="sl-ingest-wrong")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        get(stack, "/api/v1/traces", key="sl-read-wrong")


def test_an_ingest_key_reads_nothing(stack: Endpoints) -> None:
    """403 on every read route, and a read key writes nothing."""
    for path in ("/api/v1/traces", "/api/v1/traces/x", "/api/v1/sessions", "/api/v1/users/x", "/api/v1/metrics/daily"):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            get(stack, path, key=stack.ingest_key)
    assert post(stack, "/v1/events", b"[]", key=stack.read_key)[0] == 403


@pytest.mark.parametrize(
    ("path", "body", "content_type", "named"),
    [
        ("/v1/events", b'[{"event_id": "e1", ', "application/json", "malformed"),
        ("/v1/events", b'[{"entity": "trace"}]', "application/json", "trace_id"),
        (
            "/v1/events",
            b'[{"entity": "observation", "entity_id": "o", "trace_id": "t", "usage": {"input": -1}}]',
            "application/json",
            "usage",
        ),
        ("/v1/traces", b'{"resourceSpans": 7}', "application/json", "resourceSpans"),
        ("/v1/traces", b"\xff\xff\xff\xff", "application/x-protobuf", "protobuf"),
    ],
)
def test_malformed_requests_are_400_and_say_where(stack: Endpoints, path: str, body: bytes, content_type: str, named: str) -> None:
    """The offending field or the reason is in the answer."""
    status, answer = post(stack, path, body, content_type=content_type)

    assert status == 400
    assert named in str(answer)


def test_an_oversize_body_is_413(stack: Endpoints) -> None:
    """Over MAX_BODY_BYTES, in JSON and as OTLP."""
    oversize = b"[" + b" " * (65 * 1024 * 1024) + b"]"

    assert post(stack, "/v1/events", oversize)[0] == 413
    assert post(stack, "/v1/traces", oversize)[0] == 413


def test_one_bad_event_among_good_ones(stack: Endpoints) -> None:
    """The good ones are stored, the bad one is named."""
    good, bad, other = uuid.uuid4().hex, uuid.uuid4().hex, uuid.uuid4().hex
    events = [trace_event(good), trace_event(bad, start_time="yesterday"), trace_event(other)]

    status, answer = post(stack, "/v1/events", json.dumps(events).encode())

    assert (status, answer["accepted"]) == (207, 2)
    assert [(refused["index"], refused["event_id"], refused["field"]) for refused in answer["rejected"]] == [(1, f"{bad}-e", "start_time")]
    assert await_that(lambda: is_stored(stack, good) and is_stored(stack, other), 5)


def test_malformed_avro_on_the_topic_becomes_a_dead_letter(stack: Endpoints) -> None:
    """Original bytes, place and reason are kept, and the records behind it go through."""
    settings = KafkaSettings(bootstrap_servers=stack.kafka)
    garbage, trace_id = uuid.uuid4().bytes, uuid.uuid4().hex
    sender = producer(settings, client_id="test", timeout_ms=5000, linger_ms=0)
    sender.produce(EVENTS, key=b"x", value=garbage)
    assert sender.flush(5) == 0
    assert post(stack, "/v1/events", json.dumps([trace_event(trace_id)]).encode())[0] == 200

    letter = dead_letter_with(settings, garbage)
    assert (letter["stage"], letter["reason"], letter["topic"]) == ("processor", "undecodable", EVENTS)
    assert "no schema is known" in letter["message"]
    assert await_that(lambda: is_stored(stack, trace_id), 5)


def dead_letter_with(settings: KafkaSettings, original: bytes) -> dict[str, Any]:
    """Return the dead letter that holds `original`, within ten seconds."""
    reader = consumer(settings, group_id=f"test-{uuid.uuid4().hex}")
    reader.subscribe([DEAD_LETTERS])
    deadline = time.monotonic() + 10
    try:
        while time.monotonic() < deadline:
            message = reader.poll(0.2)
            if message is None or message.error() is not None:
                continue
            _, letter = Codec().decode(message.value() or b"")
            if letter.get("original") == original:  # notes of replays stand there too
                return letter
    finally:
        reader.close()
    raise AssertionError("no such dead letter")


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Hold a process still for a while."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture
def without_spool(stack: Endpoints, tmp_path: Path) -> Iterator[Endpoints]:
    """A second gateway on the stack's Kafka that has no spool."""
    with second_gateway(stack, tmp_path) as endpoints:
        yield endpoints


def test_kafka_away_is_503_within_five_seconds_and_service_resumes_by_itself(stack: Endpoints, without_spool: Endpoints) -> None:
    """The answer is quick and retryable; afterwards the same events are taken and stored."""
    trace_id = uuid.uuid4().hex
    body = json.dumps([trace_event(trace_id)]).encode()
    with stopped(stack.processes["kafka"]):
        started = time.monotonic()
        status, answer = post(without_spool, "/v1/events", body)
        assert (status, time.monotonic() - started < ANSWER_WITHIN_SECONDS) == (503, True), answer

    assert await_that(lambda: post(without_spool, "/v1/events", body)[0] == 200, 20)
    assert await_that(lambda: is_stored(stack, trace_id), 10)


def test_with_a_spool_kafka_away_is_200_within_five_seconds_and_stored_later(stack: Endpoints) -> None:
    """What was acknowledged during the outage can be read after it, without the client doing anything."""
    trace_ids = [uuid.uuid4().hex for _ in range(20)]
    with stopped(stack.processes["kafka"]):
        for trace_id in trace_ids:
            started = time.monotonic()
            status, answer = post(stack, "/v1/events", json.dumps([trace_event(trace_id)]).encode())
            assert (status, time.monotonic() - started < ANSWER_WITHIN_SECONDS) == (200, True), answer

    assert await_that(lambda: all(is_stored(stack, trace_id) for trace_id in trace_ids), 30)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("BATCH_SZIE", "5", "BATCH_SZIE: unknown variable, did you mean BATCH_SIZE?"),
        ("WRITE_INTERVAL_MS", "0", "WRITE_INTERVAL_MS='0': must be at least 10"),
        ("KAFKA_SECURITY_PROTOCOL", "TLS", "KAFKA_SECURITY_PROTOCOL='TLS': must be one of"),
    ],
)
@pytest.mark.parametrize("module", [("ingest_gateway",), ("processors",), ("sinks", "clickhouse"), ("query",), ("sluice", "up")])
def test_a_wrong_setting_stops_every_service_before_it_starts(
    tmp_path: Path, module: tuple[str, ...], variable: str, value: str, said: str
) -> None:
    """Exit status 2, and the variable's name on standard error, where that service reads it or it is meant for Sluice."""
    environ = {**os.environ, variable: value, "SLUICE_DATA_DIR": str(tmp_path), "LOG_LEVEL": "LOUD"}
    done = subprocess.run((sys.executable, "-m", *module), env=environ, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 2, done.stderr
    assert "LOG_LEVEL='LOUD'" in done.stderr
    reads_it = variable != "WRITE_INTERVAL_MS" or module[0] in ("sinks", "sluice")
    assert not reads_it or said in done.stderr, done.stderr
