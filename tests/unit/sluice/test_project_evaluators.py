"""`sluice projects evaluators`: what it says, and that services hear it."""

import argparse
from pathlib import Path

import pytest

from contract.codec import Codec
from contract.control import Directory, evaluators_record
from contract.evaluation import ProjectEvaluators
from sluice import projects
from sluice.embedded.errors import StartError
from sluice.project_evaluators import is_question, said_by

RULES = '{"evaluators": [{"name": "short", "evaluator": "length", "settings": {"max": 3}}]}'


def parsed(*words: str) -> argparse.Namespace:
    """The command line, read."""
    parser = argparse.ArgumentParser()
    projects.add_arguments(parser)
    return parser.parse_args(["evaluators", "p", *words])


def heard(said: ProjectEvaluators) -> ProjectEvaluators | None:
    """What a service makes of it: over the wire, into the directory, through its snapshot."""
    codec, directory, restored = Codec(), Directory(), Directory()
    _, name, record = evaluators_record(said)
    directory.apply(*codec.decode(codec.encode(name, record)))
    restored.restore(directory.dump())
    assert restored.evaluators_of("p") == directory.evaluators_of("p")
    return directory.evaluators_of("p")


def test_names_share_and_rules_arrive(tmp_path: Path) -> None:
    """As they were said."""
    (tmp_path / "rules.json").write_text(RULES)
    said = said_by(parsed("--only", "is JSON", "short", "--sample", "0.25", "--rules", str(tmp_path / "rules.json")))
    assert said == ProjectEvaluators(project_id="p", names=("is JSON", "short"), sample=0.25, rules=RULES)
    assert heard(said) == said


def test_off_is_none_and_clear_is_the_file_again() -> None:
    """Off stays said; after a clear nothing is."""
    assert heard(said_by(parsed("--off"))) == ProjectEvaluators(project_id="p", names=())
    assert heard(said_by(parsed("--clear"))) is None


def test_without_a_change_it_is_a_question() -> None:
    """A share of nothing is a change."""
    assert is_question(parsed())
    assert not is_question(parsed("--sample", "0"))


def test_rules_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    """With the entry that is wrong."""
    (tmp_path / "rules.json").write_text(RULES.replace("length", "nothing"))
    with pytest.raises(StartError, match="no evaluator nothing"):
        said_by(parsed("--rules", str(tmp_path / "rules.json")))
    with pytest.raises(StartError):
        said_by(parsed("--clear", "--sample", "1"))
