"""Dead letters by hand: listed, shown, sent back to where they belong, once."""

import json
import re
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from contract.batches import record_of
from contract.clock import now_us
from contract.codec import Codec
from contract.events import Event, EventBatch, Source
from contract.kafka import KafkaSettings, producer
from contract.letters import attempt_of
from contract.schemas import DEAD_LETTER, EVENT_BATCH
from contract.topics import DEAD_LETTERS, EVENTS, OBSERVATIONS
from sluice.__main__ import main
from sluice.dead_letters.letter import Filters, Letter
from sluice.dead_letters.reading import LetterBox
from sluice.demonstration.client import ApiError, Client
from sluice.embedded.endpoints import Endpoints
from sluice.embedded.running import RunningStack
from sluice.topic_scan import TopicScan
from tests.embedded.reading import await_that, get

pytestmark = [pytest.mark.embedded]

WITHIN_SECONDS = 15.0
ROW_PARTITION = 2


@pytest.fixture(autouse=True)
def command_line(running_stack: RunningStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command line find the running stack."""
    monkeypatch.setenv("SLUICE_DATA_DIR", str(running_stack.data.root))
    monkeypatch.setenv("COLUMNS", "250")


def put(stack: Endpoints, topic: str, value: bytes, **place: Any) -> None:
    """Write a record and wait for Kafka."""
    sender = producer(KafkaSettings(bootstrap_servers=stack.kafka), client_id="test", timeout_ms=5000, linger_ms=0)
    sender.produce(topic, value=value, **place)
    assert sender.flush(10) == 0


def letters(stack: Endpoints) -> Sequence[Letter]:
    """Return every letter there is."""
    with TopicScan(KafkaSettings(bootstrap_servers=stack.kafka), DEAD_LETTERS) as scan:
        return list(LetterBox(scan, Codec(), scan.ranges()).letters(Filters()))


def letters_of(stack: Endpoints, original: bytes, count: int = 1) -> list[Letter]:
    """Return the letters that hold `original`, once there are so many."""

    def found() -> list[Letter] | None:
        ours = [letter for letter in letters(stack) if letter.record["original"] == original]
        return ours if len(ours) == count else None

    ours: list[Letter] = await_that(found, WITHIN_SECONDS)
    return ours


def bury(stack: Endpoints, original: bytes, **said: Any) -> Letter:
    """Write a letter as a service would and return it."""
    base = {"original": original, "reason": "undecodable", "message": "not yet", "at": now_us(), "stage": "processor"}
    put(stack, DEAD_LETTERS, Codec().encode(DEAD_LETTER, {**base, **said}))
    return letters_of(stack, original)[0]


def event_batch(stack: Endpoints, trace_id: str) -> bytes:
    """Return an EventBatch record of a trace."""
    event = Event(
        entity="trace", entity_id=trace_id, trace_id=trace_id, event_id=f"{trace_id}-e", event_time=now_us(), fields={"name": "late"}
    )
    batch = EventBatch(project_id=stack.project_id, trace_id=trace_id, received_at=now_us(), source=Source("native"), events=[event])
    return Codec().encode(EVENT_BATCH, record_of(batch))


def is_stored(stack: Endpoints, trace_id: str) -> bool:
    return bool(get(stack, f"/api/v1/traces/{trace_id}")["name"] == "late")


def records_with(stack: Endpoints, topic: str, value: bytes) -> Iterator[Any]:
    """Yield the records of `topic` that hold `value`."""
    with TopicScan(KafkaSettings(bootstrap_servers=stack.kafka), topic) as scan:
        yield from [message for message in scan.records(scan.ranges()) if message.value() == value]


def test_a_bad_row_goes_back_to_its_partition_and_says_how_often(stack: Endpoints, capsys: pytest.CaptureFixture[str]) -> None:
    """Same key, same partition; what fails again is a letter of one attempt more; a second replay sends nothing."""
    garbage = uuid.uuid4().bytes
    put(stack, OBSERVATIONS, garbage, key=b"p/t", partition=ROW_PARTITION)
    [letter] = letters_of(stack, garbage)
    said = letter.record
    assert (said["stage"], said["topic"], said["partition"], said["key"], said["attempt"]) == ("clickhouse", OBSERVATIONS, 2, b"p/t", 1)

    assert main(["dlq", "replay", str(letter.id)]) == 0
    first, second = letters_of(stack, garbage, 2)
    assert (first.id, second.record["attempt"], second.record["partition"], second.record["key"]) == (letter.id, 2, ROW_PARTITION, b"p/t")
    sent = list(records_with(stack, OBSERVATIONS, garbage))
    assert [(record.partition(), record.key(), attempt_of(record.headers())) for record in sent] == [(2, b"p/t", 1), (2, b"p/t", 2)]

    capsys.readouterr()
    assert main(["dlq", "replay", str(letter.id)]) == 0
    assert "1 already replayed; --again" in capsys.readouterr().out
    assert len(list(records_with(stack, OBSERVATIONS, garbage))) == 2
    assert main(["dlq", "replay", str(letter.id), "--again"]) == 0
    assert len(letters_of(stack, garbage, 3)) == 3


def test_an_undecodable_event_comes_back_as_a_letter_of_the_next_attempt(stack: Endpoints) -> None:
    """The processor keeps the key and counts up."""
    garbage = uuid.uuid4().bytes
    put(stack, EVENTS, garbage, key=b"p/some-trace")
    [letter] = letters_of(stack, garbage)
    assert (letter.record["stage"], letter.record["key"], letter.record["release"] != "") == ("processor", b"p/some-trace", True)

    assert main(["dlq", "replay", str(letter.id)]) == 0

    again = letters_of(stack, garbage, 2)[1]
    assert (again.record["attempt"], again.record["partition"]) == (2, letter.record["partition"])


def test_an_event_that_can_be_read_by_now_is_stored(stack: Endpoints, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run sends nothing; the replay brings the trace; once more changes nothing."""
    trace_id = uuid.uuid4().hex
    original = event_batch(stack, trace_id)
    letter = bury(stack, original, topic=EVENTS, partition=0, offset=7, key=f"{stack.project_id}/{trace_id}".encode())

    assert main(["dlq", "replay", "--stage", "processor", "--since", "1h", "--dry-run"]) == 0
    shown = capsys.readouterr()
    assert f"{letter.id}" in shown.err
    assert "topic events" in shown.err
    with pytest.raises(AssertionError):
        await_that(lambda: is_stored(stack, trace_id), 1)

    assert main(["dlq", "replay", str(letter.id), "--rate", "50/s"]) == 0
    assert await_that(lambda: is_stored(stack, trace_id), WITHIN_SECONDS)
    before = get(stack, f"/api/v1/traces/{trace_id}")
    assert main(["dlq", "replay", str(letter.id), "--again"]) == 0
    assert len(list(records_with(stack, EVENTS, original))) == 2
    assert get(stack, f"/api/v1/traces/{trace_id}") == before


def test_what_the_gateway_refused_is_judged_again(stack: Endpoints, capsys: pytest.CaptureFixture[str]) -> None:
    """Posted to the protocol's own door: stored where it decodes by now, else a letter of the next attempt."""
    bad, good = uuid.uuid4().hex, uuid.uuid4().hex
    event = {"event_id": f"{bad}-e", "entity": "trace", "entity_id": bad, "trace_id": bad, "start_time": "yesterday"}
    with Client(stack.gateway_http, stack.ingest_key) as client, pytest.raises(ApiError, match="start_time"):
        client.post("/v1/events", [event])
    [refused] = await_that(lambda: [letter for letter in letters(stack) if letter.record["event_id"] == f"{bad}-e"], WITHIN_SECONDS)
    assert (refused.record["stage"], refused.record["protocol"], refused.record["project_id"]) == ("gateway", "native", stack.project_id)

    assert main(["dlq", "replay", str(refused.id)]) == 1
    assert "1 refused once more" in capsys.readouterr().out
    assert [letter.record["attempt"] for letter in letters_of(stack, refused.record["original"], 2)] == [1, 2]

    original = b'{"event_id":"%b-e","entity":"trace","entity_id":"%b","trace_id":"%b","name":"late"}' % ((good.encode(),) * 3)
    letter = bury(stack, original, stage="gateway", protocol="native", project_id=stack.project_id)
    assert main(["dlq", "replay", str(letter.id)]) == 0
    assert await_that(lambda: is_stored(stack, good), WITHIN_SECONDS)


def test_what_another_protocol_refused_is_judged_again(stack: Endpoints, capsys: pytest.CaptureFixture[str]) -> None:
    """A LangSmith run: refused again, a letter of the next attempt; mended, it is stored, and a second time changes nothing."""
    run_id = str(uuid.uuid4())
    order = f"20260101T000000000000Z{run_id}"
    run = {"id": run_id, "trace_id": run_id, "dotted_order": order, "run_type": "llm", "name": "late"}
    with Client(stack.gateway_http, stack.ingest_key) as client, pytest.raises(ApiError, match="start_time"):
        client.post("/langsmith/runs/batch", {"post": [{**run, "start_time": ["never"]}]})
    [refused] = await_that(lambda: [letter for letter in letters(stack) if letter.record["event_id"] == run_id], WITHIN_SECONDS)
    assert main(["dlq", "replay", str(refused.id)]) == 1
    assert "1 refused once more" in capsys.readouterr().out
    assert [letter.record["attempt"] for letter in letters_of(stack, refused.record["original"], 2)] == [1, 2]

    mended = json.dumps({**run, "start_time": "2026-01-01T00:00:00Z"}).encode()
    letter = bury(stack, mended, **{name: refused.record[name] for name in ("stage", "protocol", "project_id", "alone")})
    assert main(["dlq", "replay", str(letter.id), "--dry-run"]) == 0
    assert "POST /langsmith/runs/batch" in capsys.readouterr().err
    assert main(["dlq", "replay", str(letter.id)]) == 0
    assert await_that(lambda: is_stored(stack, run_id), WITHIN_SECONDS)
    before = get(stack, f"/api/v1/traces/{run_id}")
    assert before["observation_count"] == 1
    assert main(["dlq", "replay", str(letter.id), "--again"]) == 0
    send_marker(stack)
    assert get(stack, f"/api/v1/traces/{run_id}") == before


def send_marker(stack: Endpoints) -> None:
    """Send a trace and wait until it is stored: what was sent before it on any partition has had its time."""
    trace_id = uuid.uuid4().hex
    with Client(stack.gateway_http, stack.ingest_key) as client:
        client.post("/v1/events", [{"event_id": trace_id, "entity": "trace", "entity_id": trace_id, "name": "late"}])
    assert await_that(lambda: is_stored(stack, trace_id), WITHIN_SECONDS)


def test_what_cannot_go_back_says_why(stack: Endpoints, capsys: pytest.CaptureFixture[str]) -> None:
    """What an older release kept of OTLP, and an event of a project without a key: left, unnoted, and the exit status says so."""
    span = bury(stack, uuid.uuid4().bytes, stage="gateway", protocol="otlp", project_id=stack.project_id)
    foreign = bury(stack, uuid.uuid4().bytes, stage="gateway", protocol="native", project_id="another")

    assert main(["dlq", "replay", str(span.id), str(foreign.id)]) == 1

    out = capsys.readouterr().out
    assert "of this otlp request less was kept" in out
    assert "of project another: give an ingest key" in out
    assert main(["dlq", "replay", str(span.id), "--dry-run"]) == 0
    assert "already" not in capsys.readouterr().out


def test_list_and_show(stack: Endpoints, capsys: pytest.CaptureFixture[str]) -> None:
    """Filtered by reason; Avro is shown as JSON, JSON as it is, the rest in hexadecimal; an unknown id is an error."""
    reason = f"reason-{uuid.uuid4().hex}"
    trace_id = uuid.uuid4().hex
    avro = bury(stack, event_batch(stack, trace_id), reason=reason, topic=EVENTS, partition=1, offset=3)
    json_text = bury(stack, b'{"id":"%b"}' % uuid.uuid4().hex.encode(), reason=reason, stage="gateway", project_id="p")
    raw = bury(stack, b"\x00\xff" + uuid.uuid4().bytes, reason=reason)
    capsys.readouterr()

    assert main(["dlq", "list", "--reason", reason]) == 0
    listed = capsys.readouterr().out
    assert all(re.search(rf"\b{letter.id}\b", listed) for letter in (avro, json_text, raw))
    assert "3 letters, 3 shown" in listed
    assert main(["dlq", "list", "--reason", reason, "--topic", EVENTS, "--until", "1d"]) == 0
    assert "0 letters" in capsys.readouterr().out

    for letter, said in ((avro, ("Avro EventBatch", trace_id)), (json_text, ("JSON", '"id": "')), (raw, ("18 bytes", "00000000  00 ff"))):
        assert main(["dlq", "show", str(letter.id)]) == 0
        shown = capsys.readouterr().out
        assert all(text in shown for text in said), shown
    assert main(["dlq", "show", "999999999"]) == 1
    assert main(["dlq", "replay"]) == 1
    assert "say --all" in capsys.readouterr().err
