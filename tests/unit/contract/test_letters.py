"""Attempts on records and requests."""

import pytest

from contract.letters import Headers, attempt_headers, attempt_of


@pytest.mark.parametrize(
    ("headers", "attempt"),
    [(None, 1), ([], 1), (attempt_headers(3), 3), ([("other", b"9"), ("sluice-attempt", b"x")], 1), ([("sluice-attempt", None)], 1)],
)
def test_an_attempt_is_read_from_headers(headers: Headers | None, attempt: int) -> None:
    """The first, where they say nothing that can be read."""
    assert attempt_of(headers) == attempt
