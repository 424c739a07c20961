"""Names, headers and records of archive objects."""

import pytest

from contract.codec import Codec
from contract.errors import CodecError
from contract.schemas import API_KEY, EVENT_BATCH
from sinks.archive import container
from sinks.archive.layout import ObjectName, day_of, parsed
from sinks.archive.writer import archived
from sinks.domain.batch import Record
from sinks.settings import read

CODEC = Codec()
RECEIVED_US = 1_800_057_599_999_999


def event_batch(**said: object) -> bytes:
    """Return an EventBatch record."""
    lists: dict[str, object] = {"traces": [], "observations": [], "scores": []}
    base = {"project_id": "p", "trace_id": "t", "received_at": RECEIVED_US, "protocol": "native", "sdk_name": "", "sdk_version": ""}
    return CODEC.encode(EVENT_BATCH, {**base, **lists, **said})


def test_a_name_says_day_partition_and_first_offset() -> None:
    """And the life of the topic; it is read back as it was."""
    name = ObjectName(day_of(RECEIVED_US), 7, "kz0-Xc_9", 42)

    assert name.key == "archive/events/date=2027-01-15/partition=0007/kz0-Xc_9-00000000000000000042.avro"
    assert parsed(name.key) == name


@pytest.mark.parametrize("key", ["archive/events/x.avro", "media/p/1", "archive/events/date=2027-01-15/partition=1/id-42.avro.tmp"])
def test_what_is_not_ours_has_no_name(key: str) -> None:
    """Objects of others may stand beside them."""
    assert parsed(key) is None


def test_a_record_is_kept_byte_for_byte() -> None:
    """With the gateway's stamp and the project to choose by."""
    value = event_batch()

    kept = archived(Record(5, value, b"p/t", 1_800_000_000_123), CODEC)

    assert kept == {
        "offset": 5,
        "timestamp_ms": 1_800_000_000_123,
        "received_at": RECEIVED_US,
        "project_id": "p",
        "key": b"p/t",
        "value": value,
    }


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"garbage",
        event_batch()[:14],
        event_batch(received_at=2**62),
        event_batch(received_at=-1),
        CODEC.encode(API_KEY, {"key_id": "k", "project_id": "p", "scope": "read", "secret_sha256": "x", "is_revoked": False}),
    ],
)
def test_what_nobody_can_read_is_kept_too(value: bytes) -> None:
    """Under Kafka's time and no project: to judge it is the processor's."""
    kept = archived(Record(5, value, None, 1_800_000_000_123), CODEC)

    assert (kept["value"], kept["project_id"], kept["received_at"]) == (value, None, 1_800_000_000_123_000)


def test_a_header_needs_only_the_start_of_an_object() -> None:
    """Where the start is too short it says so; where it is something else, too."""
    records = [archived(Record(offset, event_batch(project_id=f"p{offset % 2}"), None, 0), CODEC) for offset in range(500)]
    body = container.written("k", records)

    header = container.header_of(body[:2_000])

    assert header == container.Header(RECEIVED_US, RECEIVED_US, 499, 500, frozenset({"p0", "p1"}))
    assert container.header_of(body[:200]) is None
    with pytest.raises(CodecError):
        container.header_of(b"PAR1")
    with pytest.raises(CodecError, match="damaged"):
        list(container.records_of(body[:-20]))


def test_very_many_projects_are_not_named() -> None:
    """None means any."""
    records = [archived(Record(offset, event_batch(project_id=f"p{offset}"), None, 0), CODEC) for offset in range(501)]

    header = container.header_of(container.written("k", records))

    assert header is not None
    assert header.projects is None


def test_a_partition_waits_for_no_more_than_its_share_of_the_buffer() -> None:
    """Else all would be paused before any is large enough."""
    archive = read({"ARCHIVE_BATCH_BYTES": "1000000", "ARCHIVE_INTERVAL_SECONDS": "2.5"}).archive

    assert archive.flush_policy(400_000).max_batch_bytes == 400_000
    policy = archive.flush_policy(4_000_000)
    assert (policy.max_batch_bytes, policy.write_interval_seconds) == (1_000_000, 2.5)
