"""Times as the API speaks them."""

import pytest

from query.times import from_rfc3339, milliseconds, to_rfc3339


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00.000001+01:00", 1),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("2026-11-21t12:00:00.1234567z", 1_795_262_400_123_456),
    ],
)
def test_rfc3339_is_read_to_the_microsecond(text: str, expected: int) -> None:
    """Offsets are applied, digits beyond microseconds are cut off."""
    assert from_rfc3339(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "2026-11-21", "2026-11-21T12:00:00", "1795262400", "2026-13-01T00:00:00Z", "2026-11-21T25:00:00Z", "now", "2026-11-21T12:00:00ZZ"],
)
def test_anything_else_is_refused(text: str) -> None:
    """A time without an offset or a time that does not exist is not guessed at."""
    with pytest.raises(ValueError):
        from_rfc3339(text)


def test_times_are_written_with_microseconds_and_z() -> None:
    """Also before 1970, and also when the microseconds are zero."""
    assert [to_rfc3339(0), to_rfc3339(-1)] == ["1970-01-01T00:00:00.000000Z", "1969-12-31T23:59:59.999999Z"]


def test_a_duration_needs_both_ends() -> None:
    """Milliseconds with microseconds as decimals."""
    assert [milliseconds(0, 1_500), milliseconds(None, 1), milliseconds(1, None)] == [1.5, None, None]
