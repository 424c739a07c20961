"""Settings of a load: mistakes are named, and the stack does not see them."""

import pytest

from contract.errors import SettingsError
from contract.variables import VARIABLES
from loadtest.load.settings import for_stack, read, sizes_of, told


def test_unset_is_the_shapes_own() -> None:
    """Nothing has to be said."""
    shape = read({}).chosen_shape()

    assert (shape.name, shape.per_second, shape.events) == ("thousand", 1000, (1, 1))


def test_what_is_said_is_used() -> None:
    """Rate, length and events of a request."""
    shape = read({"LOAD_SHAPE": "batches", "LOAD_RATE": "6000", "LOAD_SECONDS": "7", "LOAD_EVENTS": "5-9"}).chosen_shape()

    assert (shape.per_second, shape.seconds, shape.events) == (6000, 7, (5, 9))


@pytest.mark.parametrize("name", ["LOAD_SHAPE", "LOAD_RATE", "LOAD_EVENTS", "LOAD_SPEED"])
def test_a_mistake_is_named(name: str) -> None:
    """Also a variable that there is not."""
    with pytest.raises(SettingsError, match=name):
        read({name: "much"})


@pytest.mark.parametrize("text", ["", "0", "5-2", "a-b", "3-", "-3"])
def test_sizes_are_a_number_or_two(text: str) -> None:
    """The smaller one first; an open end is the one number."""
    if text == "3-":
        assert sizes_of(text) == (3, 3)
        return
    with pytest.raises(ValueError, match="expected"):
        sizes_of(text)


def test_the_stack_gets_everything_else() -> None:
    """LOAD_ is ours."""
    assert for_stack({"LOAD_RATE": "1", "WRITE_INTERVAL_MS": "100"}) == {"WRITE_INTERVAL_MS": "100"}


def test_what_is_told_has_no_secrets() -> None:
    """The results are published."""
    shown = dict(told(read({}), {"WRITE_INTERVAL_MS": "100", "KAFKA_SASL_PASSWORD": "hush"}, VARIABLES))

    assert shown["WRITE_INTERVAL_MS"] == "100"
    assert "hush" not in str(shown)
