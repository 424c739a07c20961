"""The cut's text and token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.domain.cut import MAX_SLICES, MAX_TEXT_BYTES, Cut, Slice, parse

OFFSETS = st.integers(0, 2**63 - 1)
SLICES = st.builds(Slice, st.integers(0, 9_999), OFFSETS, OFFSETS)
CUTS = st.builds(Cut, st.just("observations"), st.lists(SLICES, min_size=1, max_size=5).map(tuple), st.sampled_from(["1", "2-b"]))


@given(CUTS)
def test_text_is_read_back(cut: Cut) -> None:
    """What is written into the commit is what comes out of it."""
    assert parse(cut.text()) == cut


@given(CUTS, CUTS)
def test_a_token_names_one_cut(left: Cut, right: Cut) -> None:
    """Different cuts never share a token."""
    assert (left.token("t") == right.token("t")) == (left == right)


def test_the_token_of_one_partition() -> None:
    """The documented form: table:topic:partition:first:last:schema."""
    assert Cut("observations", (Slice(3, 10, 20),), "1").token("obs") == "obs:observations:3:10:20:1"


@pytest.mark.parametrize("text", [None, "", "something else", "cut1 1 t", "cut1 1 t 0:1", "cut1 1 t 0:1:2+", "cut2 1 t 0:1:2"])
def test_foreign_metadata_is_no_cut(text: str | None) -> None:
    """Other people's metadata, and none, mean that nothing was left unfinished."""
    assert parse(text) is None


def test_the_largest_cut_fits_kafka() -> None:
    """Kafka refuses metadata over its limit; slices are capped below it."""
    slices = tuple(Slice(99_999, 2**63 - 1, 2**63 - 1) for _ in range(MAX_SLICES))

    assert len(Cut("observations", slices, "1").text().encode()) <= MAX_TEXT_BYTES


def test_a_slice_alone() -> None:
    """A partition's own part, and what follows it."""
    cut = Cut("t", (Slice(0, 1, 2), Slice(1, 5, 9)), "1")

    assert cut.alone(1) == Cut("t", (Slice(1, 5, 9),), "1")
    assert cut.slice_of(1) == Slice(1, 5, 9)
    assert cut.slice_of(2) is None
    assert Slice(1, 5, 9).next_offset == 10
