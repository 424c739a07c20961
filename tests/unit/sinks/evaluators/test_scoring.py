"""The evaluators that come with Sluice, and the file that says which run."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.payloads import MARK
from sinks.evaluators.registry import known_evaluators
from sinks.evaluators.rules import is_sampled, read_rules
from sinks.evaluators.scoring import BUILT_IN, Subject


def subject(**fields: Any) -> Subject:
    """A generation of the project p."""
    return Subject(**{"project_id": "p", "target": "observation", "id": "o", "trace_id": "t", "kind": "generation", **fields})


@pytest.mark.parametrize(
    ("evaluator", "settings", "fields", "score"),
    [
        ("json_valid", {}, {"output": '{"a": 1}'}, 1.0),
        ("json_valid", {}, {"output": json.dumps('{"a": 1}')}, 1.0),
        ("json_valid", {}, {"output": json.dumps("no JSON")}, 0.0),
        ("json_valid", {}, {"output": None}, None),
        ("json_valid", {}, {"output": MARK + '{"key":"k","bytes":1},"preview":"x"}'}, None),
        ("regex", {"pattern": "^yes"}, {"output": '"yes, it is"'}, 1.0),
        ("regex", {"pattern": "secret", "negate": True}, {"output": "a secret"}, 0.0),
        ("length", {"min": 3, "max": 5}, {"output": '"four"'}, 1.0),
        ("length", {"max": 3}, {"output": '"four"'}, 0.0),
        ("latency_budget", {"max_ms": 100}, {"latency_ms": 100.0}, 1.0),
        ("latency_budget", {"max_ms": 100}, {"latency_ms": 200.0}, 0.5),
        ("latency_budget", {"max_ms": 100}, {}, None),
        ("cost_budget", {"max_usd": 0.5}, {"total_cost": 1.0}, 0.5),
        ("cost_budget", {"max_usd": 0.5}, {"total_cost": None}, None),
        ("refusal", {}, {"output": '"I\u2019m sorry, but I can\u2019t help with that."'}, 0.0),
        ("refusal", {}, {"output": '"Here is the plan: first, sorry to say, buy milk."'}, 1.0),
        ("refusal", {"patterns": ["nicht m\u00f6glich"]}, {"output": "Das ist nicht m\u00f6glich."}, 0.0),
    ],
)
def test_scores(evaluator: str, settings: Mapping[str, Any], fields: dict[str, Any], score: float | None) -> None:
    """What is not there is not judged; what lies in object storage neither."""
    assert BUILT_IN[evaluator](settings)(subject(**fields)) == score


@given(st.text(), st.sampled_from(sorted(set(BUILT_IN) - {"regex"})))
def test_every_evaluator_takes_any_output(output: str, name: str) -> None:
    """And gives a score from 0 to 1."""
    score = BUILT_IN[name]({"max_ms": 1, "max_usd": 1})(subject(output=output, latency_ms=5.0, total_cost=0.1))

    assert score is not None
    assert 0 <= score <= 1


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"name": "a", "evaluator": "nope"}, "a: no evaluator nope"),
        ({"name": "a", "evaluator": "regex"}, "a: regex needs a pattern"),
        ({"name": "a", "evaluator": "regex", "settings": {"pattern": "("}}, "a: regex needs a pattern that compiles"),
        ({"name": "a", "evaluator": "latency_budget"}, "a: needs max_ms"),
        ({"name": "a", "evaluator": "json_valid", "sample": 2}, "sample"),
        ({"name": "a", "evaluator": "json_valid", "simple": 1}, "simple"),
    ],
)
def test_a_file_that_is_wrong_says_where(entry: dict[str, Any], complaint: str) -> None:
    """At start, before anything runs."""
    with pytest.raises(ValueError, match=r".") as caught:
        read_rules(json.dumps({"evaluators": [entry]}), BUILT_IN)

    assert complaint in str(caught.value)


def test_a_rule_is_for_its_project_target_and_kinds() -> None:
    """Anything else is none of its business."""
    entry = {"name": "a", "evaluator": "length", "project": "p", "kinds": ["generation"]}
    [rule] = read_rules(json.dumps({"evaluators": [entry]}), known_evaluators())

    assert rule.score(subject(output="x")) == 1.0
    assert rule.score(subject(output="x", project_id="other")) is None
    assert rule.score(subject(output="x", kind="span")) is None
    assert rule.score(subject(output="x", target="trace")) is None


def test_a_sample_is_the_same_every_time_and_about_as_large_as_asked_for() -> None:
    """So a repeated batch judges the same traces."""
    traces = [f"trace-{number}" for number in range(4_000)]
    sampled = {trace for trace in traces if is_sampled(trace, 0.25)}

    assert sampled == {trace for trace in reversed(traces) if is_sampled(trace, 0.25)}
    assert 0.22 < len(sampled) / len(traces) < 0.28
    assert sampled <= {trace for trace in traces if is_sampled(trace, 0.5)}
