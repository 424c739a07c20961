"""Which evaluators judge a project: the file's, unless the project says otherwise."""

import json

import pytest

from contract.evaluation import ProjectEvaluators
from sinks.evaluators.projects import RuleBook, own_rules, said_in_words
from sinks.evaluators.rules import read_rules
from sinks.evaluators.scoring import BUILT_IN, Subject

FILE = read_rules(
    json.dumps({"evaluators": [{"name": "is JSON", "evaluator": "json_valid"}, {"name": "polite", "evaluator": "refusal", "sample": 0}]}),
    BUILT_IN,
)
OWN = json.dumps({"evaluators": [{"name": "short", "evaluator": "length", "settings": {"max": 3}}]})


def book(*said: ProjectEvaluators) -> RuleBook:
    """A book in which projects have said so much."""
    return RuleBook(FILE, BUILT_IN, {one.project_id: one for one in said}.get)


def scores(found: RuleBook, project_id: str) -> dict[str, float]:
    """What an output of four letters is given in a project."""
    subject = Subject(project_id=project_id, target="observation", id="o", trace_id="t", kind="generation", output='"four"')
    wanted = found.of(project_id)
    given = {rule.spec.name: rule.score(subject, wanted.sample) for rule in wanted.rules}
    return {name: score for name, score in given.items() if score is not None}


def test_who_says_nothing_is_judged_as_the_file_has_it() -> None:
    """Sampling included."""
    assert scores(book(), "p") == {"is JSON": 0.0}


def test_a_project_chooses_by_name_and_sets_its_share() -> None:
    """Its share goes before every entry's own; other projects are as before."""
    found = book(
        ProjectEvaluators(project_id="all", sample=1.0),
        ProjectEvaluators(project_id="one", names=("polite",), sample=1.0),
        ProjectEvaluators(project_id="none", names=()),
        ProjectEvaluators(project_id="unsampled", sample=0.0),
    )
    assert scores(found, "all") == {"is JSON": 0.0, "polite": 1.0}
    assert scores(found, "one") == {"polite": 1.0}
    assert scores(found, "none") == scores(found, "unsampled") == {}
    assert scores(found, "p") == {"is JSON": 0.0}


def test_a_project_brings_rules_of_its_own() -> None:
    """For itself alone, whatever they say of projects."""
    found = book(ProjectEvaluators(project_id="p", rules=OWN))
    assert scores(found, "p") == {"is JSON": 0.0, "short": 0.0}
    assert scores(found, "other") == {"is JSON": 0.0}
    assert [rule.spec.project for rule in own_rules("p", OWN, BUILT_IN)] == ["p"]


def test_what_a_project_says_anew_holds_and_rules_that_cannot_be_used_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """An evaluator of a package that is not installed here is said once, and the others judge."""
    said = {"p": ProjectEvaluators(project_id="p", names=())}
    found = RuleBook(FILE, BUILT_IN, said.get)
    assert scores(found, "p") == {}

    said["p"] = ProjectEvaluators(project_id="p", rules='{"evaluators": [{"name": "x", "evaluator": "elsewhere"}]}')
    assert scores(found, "p") == {"is JSON": 0.0}
    assert scores(found, "p") == {"is JSON": 0.0}
    assert caplog.text.count("project_evaluators_unusable") == 1

    del said["p"]
    assert found.of("p").rules == FILE


def test_it_is_told_in_words() -> None:
    """For `sluice projects evaluators`."""
    assert said_in_words(None) == said_in_words(ProjectEvaluators(project_id="p")) == "all evaluators of EVALUATORS_FILE, as it says"
    assert said_in_words(ProjectEvaluators(project_id="p", names=("a", "b"), sample=0.1, rules=OWN)) == (
        "a, b, on 0.1 of the traces, 1 of its own"
    )
    assert said_in_words(ProjectEvaluators(project_id="p", names=())) == "no evaluator"
