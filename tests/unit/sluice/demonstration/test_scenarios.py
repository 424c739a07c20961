"""The demo's mixture: whole trees, past times, several of everything."""

from datetime import UTC, datetime
from random import Random

import pytest

from sluice.demonstration.scenarios import WrittenTrace, mixture

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def traces() -> list[WrittenTrace]:
    """Return a mixture that is large enough to hold everything."""
    return mixture(Random(7), 200, NOW, "demo-test")


def observations(traces: list[WrittenTrace]) -> list[dict[str, object]]:
    """Return every observation of every trace."""
    return [said for trace in traces for said in trace.statements if said["entity"] == "observation"]


def test_every_parent_is_in_the_same_trace(traces: list[WrittenTrace]) -> None:
    """No tree has a hole."""
    for trace in traces:
        ids = {said["entity_id"] for said in trace.statements}
        parents = {said["parent_id"] for said in trace.statements if "parent_id" in said}
        assert parents <= ids


def test_counts_are_those_of_the_statements(traces: list[WrittenTrace]) -> None:
    """What is waited for is what was sent."""
    for trace in traces:
        assert trace.observation_count == len(observations([trace]))


def test_ids_never_repeat(traces: list[WrittenTrace]) -> None:
    """Each statement has an event id of its own, each entity an id of its own."""
    statements = [said for trace in traces for said in trace.statements]

    assert len({said["event_id"] for said in statements}) == len(statements)
    assert len({said["entity_id"] for said in statements}) == len(statements)


def test_the_mixture_has_everything(traces: list[WrittenTrace]) -> None:
    """All scenarios, several users, sessions and models, errors, streaming, cached and reasoning tokens."""
    seen = observations(traces)
    units = {unit for said in seen for unit in said.get("usage", {})}  # type: ignore[attr-defined]

    assert {trace.name for trace in traces} == {"demo-chat", "demo-rag", "demo-agent", "demo-flaky"}
    assert len({trace.user_id for trace in traces}) > 3
    assert len({trace.session_id for trace in traces}) > 3
    assert len({said["model"] for said in seen if "model" in said}) >= 6
    assert {"input", "output", "cache_read_input", "reasoning_output"} <= units
    assert any(said.get("level") == "ERROR" for said in seen)
    assert any("completion_start_time" in said for said in seen)


def test_a_seed_repeats_the_mixture() -> None:
    """The same seed writes the same traces."""
    assert mixture(Random(3), 5, NOW, "t") == mixture(Random(3), 5, NOW, "t")
