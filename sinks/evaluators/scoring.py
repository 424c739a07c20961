"""The evaluators that come with Sluice: each judges one finished observation or trace, from 1 (good) to 0. Pure: same input, same score."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from contract.payloads import MARK

US_PER_MS = 1_000

REFUSALS = (
    r"\bI(?:'m| am) (?:sorry|unable|not able)\b",
    r"\bI (?:can(?:'|no)t|cannot|won't|am not able to)\b",
    r"\bas an AI\b",
    r"\b(?:against|violates?) (?:my|our|the) (?:guidelines|polic(?:y|ies))\b",
)
REFUSAL_CHARACTERS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is judged. `output` is JSON text or plain text, as it was sent; None where none was, or where it lies elsewhere."""

    project_id: str
    target: str
    id: str
    trace_id: str
    kind: str | None = None
    name: str | None = None
    model: str | None = None
    output: str | None = None
    latency_ms: float | None = None
    total_cost: float | None = None
    error: str | None = None


Evaluate = Callable[[Subject], float | None]
"""Returns a score, None where there is nothing to judge."""

MakeEvaluator = Callable[[Mapping[str, Any]], Evaluate]
"""Returns an evaluator of these settings; raises ValueError where they are wrong."""


def said(output: str | None) -> str | None:
    """Return the text of an output: of a JSON string what is in it, of other JSON its own text; None where it lies in object storage."""
    if output is None or output.startswith(MARK):
        return None
    if output.startswith('"'):
        try:
            return msgspec.json.decode(output, type=str)
        except msgspec.MsgspecError:
            return output
    return output


def subject_of(topic_target: str, row: Mapping[str, Any]) -> Subject:
    """Return what a row is to an evaluator."""
    start, end, cost = row["start_time"], row["end_time"], row["total_cost"]
    return Subject(
        project_id=row["project_id"],
        target=topic_target,
        id=row["id"],
        trace_id=row.get("trace_id") or row["id"],
        kind=row.get("kind"),
        name=row["name"],
        model=row.get("model"),
        output=row["output"],
        latency_ms=None if end is None else (end - start) / US_PER_MS,
        total_cost=None if cost is None else float(cost),
        error=row.get("status_message"),
    )


def json_valid(_settings: Mapping[str, Any]) -> Evaluate:
    """1 where the output is JSON, also as text within a string."""

    def evaluate(subject: Subject) -> float | None:
        text = said(subject.output)
        if text is None:
            return None
        try:
            msgspec.json.decode(text)
        except msgspec.MsgspecError:
            return 0.0
        return 1.0

    return evaluate


def matches(settings: Mapping[str, Any]) -> Evaluate:
    """1 where the `pattern` is found in the output; with `negate` where it is not."""
    negate = bool(settings.get("negate", False))
    try:
        found = re.compile(str(settings["pattern"]))
    except (KeyError, re.error) as error:
        raise ValueError(f"regex needs a pattern that compiles: {error}") from error

    def evaluate(subject: Subject) -> float | None:
        text = said(subject.output)
        return None if text is None else float((found.search(text) is None) == negate)

    return evaluate


def length(settings: Mapping[str, Any]) -> Evaluate:
    """1 where the output has between `min` and `max` characters."""
    least, most = _number(settings, "min", 0.0), _number(settings, "max", float("inf"))

    def evaluate(subject: Subject) -> float | None:
        text = said(subject.output)
        return None if text is None else float(least <= len(text) <= most)

    return evaluate


def latency_budget(settings: Mapping[str, Any]) -> Evaluate:
    """1 within `max_ms`, then less the longer it took: half at twice the budget."""
    budget = _number(settings, "max_ms", None)
    return lambda subject: None if subject.latency_ms is None else _within(subject.latency_ms, budget)


def cost_budget(settings: Mapping[str, Any]) -> Evaluate:
    """1 within `max_usd`, then less the more it cost."""
    budget = _number(settings, "max_usd", None)
    return lambda subject: None if subject.total_cost is None else _within(subject.total_cost, budget)


def refusal(settings: Mapping[str, Any]) -> Evaluate:
    """0 where the output begins as a model that declines does, 1 elsewhere; `patterns` go beside the usual ones."""
    try:
        found = re.compile("|".join((*REFUSALS, *settings.get("patterns", ()))), re.IGNORECASE)
    except (TypeError, re.error) as error:
        raise ValueError(f"refusal's patterns do not compile: {error}") from error

    def evaluate(subject: Subject) -> float | None:
        text = said(subject.output)
        return None if text is None else float(found.search(text.replace("\u2019", "'")[:REFUSAL_CHARACTERS]) is None)

    return evaluate


def _within(value: float, budget: float) -> float:
    return 1.0 if value <= budget else budget / value


def _number(settings: Mapping[str, Any], name: str, default: float | None) -> float:
    found = settings.get(name, default)
    if isinstance(found, bool) or not isinstance(found, int | float) or found < 0:
        raise ValueError(f"needs {name}, a number of 0 or more")
    return float(found)


BUILT_IN: dict[str, MakeEvaluator] = {
    "json_valid": json_valid,
    "regex": matches,
    "length": length,
    "latency_budget": latency_budget,
    "cost_budget": cost_budget,
    "refusal": refusal,
}
"""Every evaluator that comes with Sluice, by the name that EVALUATORS_FILE calls it."""
