"""Cursors: what comes back is what went out, and nothing else is accepted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query.cursors import Position, decode_cursor, encode_cursor
from query.errors import BadRequestError

POSITIONS = st.builds(Position, st.integers(-(2**63) + 1, 2**63 - 1), st.text(st.characters(exclude_categories=["Cs"])))


@given(POSITIONS)
def test_a_cursor_reads_back_as_the_position_it_was_made_of(position: Position) -> None:
    """Any time and any id survive, in letters that a URL takes as they are."""
    text = encode_cursor("traces", position)

    assert decode_cursor("traces", text) == position
    assert text.replace("-", "").replace("_", "").isalnum()


@given(st.text())
def test_a_text_that_is_no_cursor_is_refused(text: str) -> None:
    """Never anything but a refusal that names the parameter."""
    with pytest.raises(BadRequestError) as caught:
        decode_cursor("traces", text)

    assert (caught.value.code, caught.value.field) == ("wrong_cursor", "cursor")


@pytest.mark.parametrize("text", ["", "abc", "WyJ0cmFjZXMiLDFd", "bnVsbA", "e30", "WyJ0cmFjZXMiLDE4NDQ2NzQ0MDczNzA5NTUxNjE1LCJ4Il0"])
def test_nearly_a_cursor_is_refused(text: str) -> None:
    """Wrong length, wrong JSON, too few parts, and a time beyond 64 bits."""
    with pytest.raises(BadRequestError):
        decode_cursor("traces", text)


def test_a_cursor_of_another_list_is_refused() -> None:
    """A session's place says nothing about traces."""
    with pytest.raises(BadRequestError, match="sessions"):
        decode_cursor("traces", encode_cursor("sessions", Position(1, "x")))
