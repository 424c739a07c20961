"""Traces of agents look as they do in the field, and the same seed draws the same ones."""

import statistics
from random import Random

from loadtest.load import traffic

MANY = 200


def _traces() -> list[traffic.Trace]:
    random = Random(1)
    return [traffic.trace(random) for _ in range(MANY)]


def test_the_same_seed_draws_the_same() -> None:
    """A run can be repeated."""
    assert traffic.trace(Random(5)) == traffic.trace(Random(5))


def test_a_trace_has_five_to_forty_observations() -> None:
    """Few calls and long chains of them."""
    counts = {len(trace.observations) for trace in _traces()}

    assert min(counts) == 5
    assert max(counts) == 40


def test_parents_stand_before_their_children() -> None:
    """The first observation is the root, every other hangs below an earlier one and begins no earlier."""
    for trace in _traces():
        assert trace.observations[0].parent is None
        for index, observation in enumerate(trace.observations[1:], start=1):
            assert observation.parent is not None
            assert observation.parent < index
            assert observation.begins_seconds >= min(trace.observations[observation.parent].begins_seconds, traffic.LONGEST_SECONDS - 0.1)
            assert observation.ends_seconds >= observation.begins_seconds


def test_two_in_a_hundred_fail_and_a_third_of_the_calls_are_streamed() -> None:
    """Both within what chance allows of so many."""
    observations = [one for trace in _traces() for one in trace.observations]
    calls = [one for one in observations if one.kind == traffic.GENERATION]

    assert 0.01 < sum(1 for one in observations if one.failure) / len(observations) < 0.03
    assert 0.25 < sum(1 for one in calls if one.is_streamed) / len(calls) < 0.42


def test_prompts_are_lognormal() -> None:
    """The median is what was asked for, the mean is well above it, and there is a longest."""
    random = Random(2)
    lengths = [traffic.characters(random, 600, 1.0) for _ in range(5000)]

    assert 540 < statistics.median(lengths) < 660
    assert statistics.mean(lengths) > 1.4 * statistics.median(lengths)
    assert max(lengths) <= traffic.MOST_CHARACTERS
    assert traffic.characters(random, 1e9, 0.1) == traffic.MOST_CHARACTERS


def test_a_text_is_as_long_as_it_was_asked_to_be() -> None:
    """To the character."""
    assert len(traffic.text(Random(3), 1234)) == 1234


def test_usage_is_disjoint() -> None:
    """What was read from a cache is not counted as input again, and nothing is counted as 0."""
    for trace in _traces():
        for one in trace.observations:
            assert (one.usage is not None) == (one.kind == traffic.GENERATION)
            if one.usage:
                assert all(one.usage.values())
                tokens = max(1, len(one.input) // traffic.CHARACTERS_PER_TOKEN)
                assert one.usage.get("input", 0) + one.usage.get("cache_read_input", 0) == tokens
