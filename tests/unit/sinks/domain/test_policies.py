"""Flush, back-off, poison and error classes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.poison import RATIO_WINDOW, PoisonPolicy, PoisonWatch
from sinks.domain.backoff import FIRST_SECONDS, delay_seconds
from sinks.domain.batch import Partition, Record, Rejected
from sinks.domain.faults import BISECT_CODES, FATAL_CODES, RETRY_CODES, Fault, fault_of
from sinks.domain.flush import FlushPolicy
from sinks.domain.letters import letter_of

POLICY = FlushPolicy(batch_rows=500, max_batch_rows=20_000, max_batch_bytes=1_000, write_interval_seconds=0.5)


@pytest.mark.parametrize(("backlog", "expected"), [(0, 500), (499, 500), (3_000, 3_000), (1_000_000, 20_000)])
def test_batches_grow_with_lag(backlog: int, expected: int) -> None:
    """From BATCH_SIZE to MAX_BATCH_SIZE."""
    assert POLICY.target_rows(backlog) == expected


@pytest.mark.parametrize(
    ("rows", "held_bytes", "age", "backlog", "expected"),
    [
        (0, 0, 99.0, 0, False),
        (1, 10, 0.1, 0, False),
        (1, 10, 0.5, 0, True),
        (500, 10, 0.0, 0, True),
        (500, 10, 0.0, 5_000, False),
        (1, 1_000, 0.0, 5_000, True),
    ],
)
def test_rows_bytes_or_age_make_a_batch_due(rows: int, held_bytes: int, age: float, backlog: int, *, expected: bool) -> None:
    """Whichever comes first."""
    assert POLICY.is_due(rows, held_bytes, age, backlog) is expected


@given(st.integers(1, 10_000), st.floats(0.1, 300))
def test_backoff_doubles_up_to_its_cap(failures: int, cap: float) -> None:
    """Never shorter than the last pause, never longer than the cap."""
    assert delay_seconds(failures, cap) <= delay_seconds(failures + 1, cap) <= cap
    assert delay_seconds(1, cap) == min(FIRST_SECONDS, cap)


def test_a_run_of_bad_records_is_poison() -> None:
    """One good record in between starts the count anew."""
    watch = PoisonWatch(PoisonPolicy(run_limit=3, ratio_limit=1.0))

    assert watch.verdict([True, True, False, True, True]) is None
    assert watch.verdict([True]) == "3 bad records in a row (POISON_RUN_LIMIT)"


def test_too_large_a_share_is_poison_once_there_is_enough_to_judge_by() -> None:
    """The ratio counts over the last thousand, and forgets what is older."""
    watch = PoisonWatch(PoisonPolicy(run_limit=RATIO_WINDOW, ratio_limit=0.5))
    half = [index % 2 == 0 for index in range(RATIO_WINDOW)]

    assert watch.verdict(half) is None
    assert watch.verdict(half) is None
    assert watch.verdict([True] * 2) == "501 of the last 1000 records are bad (POISON_RATIO_LIMIT)"


def test_every_code_has_one_class() -> None:
    """No code stands in two lists."""
    assert not RETRY_CODES & BISECT_CODES
    assert not RETRY_CODES & FATAL_CODES
    assert not BISECT_CODES & FATAL_CODES


@pytest.mark.parametrize(
    ("code", "fault"),
    [(252, Fault.RETRY), (241, Fault.RETRY), (117, Fault.BISECT), (60, Fault.FATAL), (None, Fault.RETRY), (99_999, Fault.RETRY)],
)
def test_the_unknown_is_retried(code: int | None, fault: Fault) -> None:
    """An outage we have no word for must not become dead letters."""
    assert fault_of(code) is fault


def test_a_dead_letter_keeps_bytes_origin_and_reason() -> None:
    """What is needed to look into it and to send it again."""
    letter = letter_of(
        Rejected(Partition("scores", 4), Record(17, b"\x00raw"), "undecodable", "no schema", "p"), stage="clickhouse", now_us=5, release="1"
    )

    assert (letter["original"], letter["topic"], letter["partition"], letter["offset"]) == (b"\x00raw", "scores", 4, 17)
    assert (letter["stage"], letter["reason"], letter["message"], letter["project_id"]) == ("clickhouse", "undecodable", "no schema", "p")
    assert (letter["at"], letter["release"], letter["attempt"]) == (5, "1", 1)
