"""EVALUATORS_FILE: which evaluators run on what, on which share of the traces, and when a falling mean is an alert. Pure."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from sinks.evaluators.scoring import Evaluate, MakeEvaluator, Subject

EVERY_PROJECT = "*"
HASHES = 1 << 64

Share = Annotated[float, Meta(ge=0, le=1)]


class RuleSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of the file."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    evaluator: str
    project: str = EVERY_PROJECT
    target: Literal["observation", "trace"] = "observation"
    kinds: frozenset[str] = frozenset({"generation"})
    sample: Share = 1.0
    settings: dict[str, Any] = {}
    alert_below: float | None = None
    alert_window: Annotated[int, Meta(ge=1, le=100_000)] = 100


class _File(msgspec.Struct, forbid_unknown_fields=True):
    evaluators: list[RuleSpec]


class Rule:
    """An entry and its evaluator."""

    def __init__(self, spec: RuleSpec, evaluate: Evaluate) -> None:
        self.spec = spec
        self._evaluate = evaluate

    def only_for(self, project_id: str) -> "Rule":
        """Return the same for one project."""
        return Rule(msgspec.structs.replace(self.spec, project=project_id), self._evaluate)

    def score(self, subject: Subject, sample: float | None = None) -> float | None:
        """Return the subject's score, None where it is none of this rule's, not sampled, or has nothing to judge."""
        spec = self.spec
        if subject.target != spec.target or spec.project not in (EVERY_PROJECT, subject.project_id):
            return None
        if spec.target == "observation" and spec.kinds and subject.kind not in spec.kinds:
            return None
        return self._evaluate(subject) if is_sampled(subject.trace_id, spec.sample if sample is None else sample) else None


def is_sampled(trace_id: str, share: float) -> bool:
    """Tell whether a trace is looked at: the same every time, so that a repetition judges the same ones."""
    digest = hashlib.blake2b(trace_id.encode(), digest_size=8, person=b"evaluate").digest()
    return int.from_bytes(digest, "big") < share * HASHES


def read_rules(text: str | bytes, known: Mapping[str, MakeEvaluator]) -> tuple[Rule, ...]:
    """Return the rules of a file; raise ValueError that names the entry which is wrong."""
    try:
        specs = msgspec.json.decode(text, type=_File).evaluators
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error
    places = [(spec.project, spec.name) for spec in specs]
    if twice := {place for place in places if places.count(place) > 1}:
        raise ValueError(f"more than one evaluator is called {min(twice)[1]}")
    return tuple(_rule(spec, known) for spec in specs)


def _rule(spec: RuleSpec, known: Mapping[str, MakeEvaluator]) -> Rule:
    make = known.get(spec.evaluator)
    if make is None:
        raise ValueError(f"{spec.name}: no evaluator {spec.evaluator}; there are {', '.join(sorted(known))}")
    try:
        return Rule(spec, make(spec.settings))
    except ValueError as error:
        raise ValueError(f"{spec.name}: {error}") from error
