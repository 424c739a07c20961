"""Which evaluators judge a project: those of the file and its own, as it says on the control topic. Pure but for a line in the log."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from contract.evaluation import ProjectEvaluators
from sinks.evaluators.rules import Rule, read_rules
from sinks.evaluators.scoring import MakeEvaluator

logger = logging.getLogger(__name__)


class Wanted(NamedTuple):
    """The rules of a project, and the share of its traces that goes before their own; None leaves theirs."""

    rules: tuple[Rule, ...]
    sample: float | None = None


class RuleBook:
    """Looks a project's rules up; what it says is worked out once, and again when it says something else. Used by one thread."""

    def __init__(
        self, rules: Sequence[Rule], known: Mapping[str, MakeEvaluator], said_of: Callable[[str], ProjectEvaluators | None] = lambda _: None
    ) -> None:
        self._everyones = Wanted(tuple(rules))
        self._known = known
        self._said_of = said_of
        self._worked_out: dict[str, tuple[ProjectEvaluators, Wanted]] = {}

    def of(self, project_id: str) -> Wanted:
        """Return what judges a project."""
        said = self._said_of(project_id)
        if said is None:
            self._worked_out.pop(project_id, None)
            return self._everyones
        before = self._worked_out.get(project_id)
        if before is None or before[0] != said:
            self._worked_out[project_id] = before = said, self._work_out(said)
        return before[1]

    def _work_out(self, said: ProjectEvaluators) -> Wanted:
        rules = (*self._everyones.rules, *self._own(said))
        chosen = tuple(rule for rule in rules if said.names is None or rule.spec.name in said.names)
        return Wanted(chosen, said.sample)

    def _own(self, said: ProjectEvaluators) -> tuple[Rule, ...]:
        """Return a project's own rules; none where they cannot be used here, such as an evaluator whose package is missing."""
        if not said.rules:
            return ()
        try:
            return own_rules(said.project_id, said.rules, self._known)
        except ValueError as error:
            logger.warning("project_evaluators_unusable project=%s error=%s", said.project_id, error)
            return ()


def own_rules(project_id: str, text: str, known: Mapping[str, MakeEvaluator]) -> tuple[Rule, ...]:
    """Return the rules in a project's text, for that project alone; raise ValueError that names the entry which is wrong."""
    return tuple(rule.only_for(project_id) for rule in read_rules(text, known))


def said_in_words(said: ProjectEvaluators | None) -> str:
    """Return what a project says, for a person."""
    if said is None or said.is_default:
        return "all evaluators of EVALUATORS_FILE, as it says"
    names = "all evaluators" if said.names is None else ", ".join(said.names) or "no evaluator"
    parts = [names, *([f"on {said.sample:g} of the traces"] if said.sample is not None else [])]
    own = len(msgspec.json.decode(said.rules)["evaluators"]) if said.rules else 0
    return ", ".join([*parts, *([f"{own} of its own"] if own else [])])
