"""The journal's frames: what was written whole reads back, what was cut off is noticed."""

from hypothesis import given
from hypothesis import strategies as st

from ingest_gateway.domain.frames import Spooled, frame, frames

RECORDS = st.lists(st.builds(Spooled, st.text(max_size=5), st.text(max_size=9), st.binary(max_size=40)), max_size=6)


@given(RECORDS)
def test_records_read_back(records: list[Spooled]) -> None:
    """Any topic, key and value."""
    assert list(frames(b"".join(map(frame, records)))) == records


@given(RECORDS, st.data())
def test_a_journal_cut_anywhere_gives_the_records_before_the_cut(records: list[Spooled], data: st.DataObject) -> None:
    """A crash in the middle of a write loses only what was not acknowledged."""
    written = [frame(record) for record in records]
    journal = b"".join(written)
    cut = data.draw(st.integers(0, len(journal)))
    whole = sum(1 for index in range(len(written)) if len(b"".join(written[: index + 1])) <= cut)

    assert list(frames(journal[:cut])) == records[:whole]


@given(RECORDS, st.data())
def test_a_damaged_byte_never_gives_a_wrong_record(records: list[Spooled], data: st.DataObject) -> None:
    """What comes out of a damaged journal is a prefix of what went in."""
    journal = bytearray(b"".join(map(frame, records)))
    if not journal:
        return
    journal[data.draw(st.integers(0, len(journal) - 1))] ^= data.draw(st.integers(1, 255))
    read = list(frames(bytes(journal)))

    assert read == records[: len(read)]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(journal: bytes) -> None:
    """A file that is not a journal holds nothing, and breaks nothing."""
    list(frames(journal))
