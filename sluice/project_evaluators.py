"""`sluice projects evaluators`: which evaluators judge a project, and on what share of its traces."""

import argparse
from collections.abc import Callable
from pathlib import Path

from contract.control import Directory, evaluators_record
from contract.evaluation import ProjectEvaluators
from contract.kafka import KafkaSettings
from sinks.evaluators.projects import own_rules, said_in_words
from sinks.evaluators.registry import known_evaluators
from sluice import kafka_access
from sluice.embedded.errors import StartError

ACTION = "evaluators"


def add_arguments(actions: "argparse._SubParsersAction[argparse.ArgumentParser]", share: Callable[[str], float]) -> None:
    """Declare the action's arguments; `share` reads a number from 0 to 1."""
    evaluators = actions.add_parser(ACTION, help="show or set which evaluators judge a project, and on what share of its traces")
    evaluators.add_argument("project_id")
    which = evaluators.add_mutually_exclusive_group()
    which.add_argument("--only", nargs="+", metavar="NAME", help="those that run, by their names in EVALUATORS_FILE and --rules")
    which.add_argument("--off", action="store_true", help="none")
    which.add_argument("--clear", action="store_true", help="all of EVALUATORS_FILE again, as it says")
    evaluators.add_argument("--sample", type=share, metavar="SHARE", help="of its traces, 0 to 1, in place of what every entry says")
    evaluators.add_argument("--rules", type=Path, metavar="FILE", help="more entries for this project alone, JSON as in EVALUATORS_FILE")


def run(arguments: argparse.Namespace, settings: KafkaSettings, directory: Directory) -> int:
    """Show, or say anew; what is not given is as EVALUATORS_FILE has it."""
    project_id = arguments.project_id
    if is_question(arguments):
        print(f"project {project_id}: {said_in_words(directory.evaluators_of(project_id))}")
        return 0
    said = said_by(arguments)
    kafka_access.write(settings, evaluators_record(said))
    print(f"project {project_id}: {said_in_words(said)}, within seconds")
    return 0


def is_question(arguments: argparse.Namespace) -> bool:
    """Tell whether nothing is to be changed."""
    return not (arguments.only or arguments.off or arguments.clear or arguments.rules) and arguments.sample is None


def said_by(arguments: argparse.Namespace) -> ProjectEvaluators:
    """Return what the command line says; raise StartError where the rules cannot be used."""
    if arguments.clear and (arguments.rules or arguments.sample is not None):
        raise StartError("--clear goes with nothing else")
    names = () if arguments.off else tuple(arguments.only) if arguments.only else None
    return ProjectEvaluators(project_id=arguments.project_id, names=names, sample=arguments.sample, rules=_checked(arguments))


def _checked(arguments: argparse.Namespace) -> str:
    path: Path | None = arguments.rules
    if path is None:
        return ""
    try:
        text = path.read_text()
        own_rules(arguments.project_id, text, known_evaluators())
    except (OSError, ValueError) as error:
        raise StartError(f"{path}: {error}") from error
    return text
