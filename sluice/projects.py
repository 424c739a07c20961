"""`sluice projects`: the tenants, kept on the control topic."""

import argparse
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from contract.control import Directory, limits_record, project_record, redaction_record, restriction_record, retention_record
from contract.keys import Project, new_public_key
from contract.limits import DROP, NO_RESTRICTION, REDIRECT, SAMPLE, ProjectLimits, ProjectRestriction
from contract.retention import ProjectRetention
from ingest_gateway.domain.redaction import read_rules
from sluice import kafka_access, project_evaluators
from sluice.embedded.errors import StartError

NAME = "projects"
HELP = "list the projects, create one, say how much one may send, what is kept of it and how it is judged, restrict one for now"

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
DEFAULT = "default"
MOST_DAYS = 36_500
RATE_HELP = f"0 for no limit, {DEFAULT} for the gateway's setting, which is also what is not given"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="list the projects")
    create = actions.add_parser("create", help="create a project; its keys come from `sluice keys create`")
    create.add_argument("project_id", type=checked_id)
    create.add_argument("--name", help="a name for people; the id where it is missing")
    limit = actions.add_parser("limit", help="say how much a project may send; it holds within seconds on every gateway")
    limit.add_argument("project_id")
    limit.add_argument("--events-per-second", type=checked_rate, metavar="RATE", help=RATE_HELP)
    limit.add_argument("--bytes-per-second", type=checked_rate, metavar="RATE", help=RATE_HELP)
    limit.add_argument("--weight", type=checked_weight, default=1.0, help="its share beside others' when the pipeline is full (1)")
    limit.add_argument("--priority", action="store_true", help="it gets in when others are refused for lack of room")
    restrict = actions.add_parser("restrict", help="for now: drop a project's events, keep a sample, or send them to the dead letters")
    restrict.add_argument("project_id")
    what = restrict.add_mutually_exclusive_group(required=True)
    what.add_argument("--drop", action="store_true", help="accept its events and keep none")
    what.add_argument("--sample", type=checked_share, metavar="SHARE", help="keep this share of its traces, 0 to 1, whole ones")
    what.add_argument("--redirect", action="store_true", help="to the dead letters; sluice dlq replay --reason redirected brings them back")
    what.add_argument("--clear", action="store_true", help="take all of it in again")
    project_evaluators.add_arguments(actions, checked_share)
    keep = actions.add_parser("retain", help="say how long a project's days stay in ClickHouse and how long they are kept at all")
    keep.add_argument("project_id")
    keep.add_argument("--hot-days", type=checked_days, metavar="DAYS", help=f"{DEFAULT} for HOT_DAYS, which is also what is not given")
    keep.add_argument(
        "--retention-days", type=checked_days, metavar="DAYS", help=f"0 for ever, {DEFAULT} for RETENTION_DAYS, also what is not given"
    )
    redact = actions.add_parser("redact", help="show or set the rules by which a project's events are redacted before they are stored")
    redact.add_argument("project_id")
    change = redact.add_mutually_exclusive_group()
    change.add_argument(
        "--rules", type=Path, metavar="FILE", help='JSON: {"rules": [{"name", "action", "pattern", "regex", "path", "fields"}]}'
    )
    change.add_argument("--clear", action="store_true", help="take the project's own rules away")


def checked_rate(text: str) -> float | None:
    """Return a rate, 0 for no limit, None for what the gateway's settings say; refuse any other."""
    if text == DEFAULT:
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0 <= rate < float("inf"):
        raise argparse.ArgumentTypeError(f"a number, 0 for no limit, or {DEFAULT} for what the gateway's settings say")
    return rate


def checked_weight(text: str) -> float:
    """Return a weight above 0; refuse any other."""
    return _number_within(text, "a number above 0", lambda number: 0 < number < float("inf"))


def checked_share(text: str) -> float:
    """Return a share from 0 to 1; refuse any other."""
    return _number_within(text, "a number from 0 to 1", lambda number: 0 <= number <= 1)


def _number_within(text: str, expected: str, is_within: Callable[[float], bool]) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not is_within(number):
        raise argparse.ArgumentTypeError(expected)
    return number


def checked_days(text: str) -> int | None:
    """Return a number of days, None for what the settings say; refuse any other."""
    if text == DEFAULT:
        return None
    if not (text.isascii() and text.isdigit() and int(text) <= MOST_DAYS):
        raise argparse.ArgumentTypeError(f"a whole number of days up to {MOST_DAYS}, or {DEFAULT} for what the settings say")
    return int(text)


def checked_id(text: str) -> str:
    """Return a project id that is safe in object names, Kafka keys and URLs; refuse any other."""
    if not ID.fullmatch(text):
        raise argparse.ArgumentTypeError("letters, digits, dots, dashes and underscores, 100 at most, starting with a letter or digit")
    return text


def run(arguments: argparse.Namespace) -> int:
    """Carry the action out."""
    actions = {"list": _list, "create": _create, "limit": _limit, "redact": _redact, "restrict": _restrict, "retain": _retain}
    actions |= {project_evaluators.ACTION: _evaluators}
    return actions[arguments.action](arguments)


def known(directory: Directory, project_id: str) -> Project:
    """Return a project; raise StartError where there is none of this id."""
    if project_id not in directory.projects:
        raise StartError(f"no project {project_id}; there are: {', '.join(sorted(directory.projects)) or 'none'}")
    return directory.projects[project_id]


def _list(_: argparse.Namespace) -> int:
    table = Table("id", "name", "public key", "events/s", "bytes/s", "weight", "restricted")
    directory = kafka_access.directory(kafka_access.kafka_settings(os.environ))
    for project in directory.projects.values():
        limits = directory.limits_of(project.project_id) or ProjectLimits(project_id=project.project_id)
        rates = [_shown(rate) for rate in (limits.events_per_second, limits.bytes_per_second)]
        weight = f"{limits.weight:g}" + (", priority" if limits.is_priority else "")
        restriction = restriction_in_words(directory.restriction_of(project.project_id))
        table.add_row(project.project_id, project.name, project.public_key, *rates, weight, restriction)
    Console().print(table)
    return 0


def _create(arguments: argparse.Namespace) -> int:
    settings = kafka_access.kafka_settings(os.environ)
    if arguments.project_id in kafka_access.directory(settings).projects:
        print(f"project {arguments.project_id} exists already", file=sys.stderr)
        return 1
    project = Project(arguments.project_id, arguments.name or arguments.project_id, new_public_key())
    kafka_access.write(settings, project_record(project))
    print(f"project {project.project_id}, public key {project.public_key}")
    print(f"next: sluice keys create {project.project_id} --scope ingest")
    return 0


def _shown(rate: float | None) -> str:
    if rate is None:
        return DEFAULT
    return f"{rate:g}" if rate else "no limit"


def _limit(arguments: argparse.Namespace) -> int:
    settings = kafka_access.kafka_settings(os.environ)
    directory = kafka_access.directory(settings)
    project = known(directory, arguments.project_id)
    limits = ProjectLimits(
        project_id=project.project_id,
        events_per_second=arguments.events_per_second,
        bytes_per_second=arguments.bytes_per_second,
        weight=arguments.weight,
        is_priority=arguments.priority,
    )
    kafka_access.write(settings, limits_record(limits))
    print(f"project {project.project_id}: events/s {_shown(limits.events_per_second)}, bytes/s {_shown(limits.bytes_per_second)}")
    return 0


def _restrict(arguments: argparse.Namespace) -> int:
    settings = kafka_access.kafka_settings(os.environ)
    project = known(kafka_access.directory(settings), arguments.project_id)
    action = NO_RESTRICTION if arguments.clear else DROP if arguments.drop else REDIRECT if arguments.redirect else SAMPLE
    share = 1.0 if arguments.sample is None else arguments.sample
    restriction = ProjectRestriction(project_id=project.project_id, action=action, share=share)
    kafka_access.write(settings, restriction_record(restriction))
    print(f"project {project.project_id}: {restriction_in_words(restriction) or 'not restricted'}, on every gateway within seconds")
    return 0


def _evaluators(arguments: argparse.Namespace) -> int:
    settings = kafka_access.kafka_settings(os.environ)
    directory = kafka_access.directory(settings)
    known(directory, arguments.project_id)
    return project_evaluators.run(arguments, settings, directory)


def restriction_in_words(restriction: ProjectRestriction | None) -> str:
    """Return what is done with a project's events, for a person; nothing where nothing is."""
    if restriction is None or restriction.action == NO_RESTRICTION:
        return ""
    return f"sample {restriction.share:g}" if restriction.action == SAMPLE else restriction.action


def _retain(arguments: argparse.Namespace) -> int:
    settings = kafka_access.kafka_settings(os.environ)
    project = known(kafka_access.directory(settings), arguments.project_id)
    own = ProjectRetention(project_id=project.project_id, hot_days=arguments.hot_days, retention_days=arguments.retention_days)
    kafka_access.write(settings, retention_record(own))
    hot, kept = ("default" if days is None else f"{days}" for days in (own.hot_days, own.retention_days))
    print(f"project {project.project_id}: hot days {hot}, retention days {kept}; the mover's next run goes by it")
    return 0


def _redact(arguments: argparse.Namespace) -> int:
    settings = kafka_access.kafka_settings(os.environ)
    directory = kafka_access.directory(settings)
    project = known(directory, arguments.project_id)
    if arguments.rules is None and not arguments.clear:
        print(directory.redaction_of(project.project_id) or f"project {project.project_id} has no redaction rules of its own")
        return 0
    rules = "" if arguments.clear else checked_rules(arguments.rules)
    kafka_access.write(settings, redaction_record(project.project_id, rules))
    print(f"project {project.project_id}: {len(read_rules(rules)) if rules else 0} redaction rules, in force within seconds")
    return 0


def checked_rules(path: Path) -> str:
    """Return the rules in a file; raise StartError where they cannot be used."""
    try:
        text = path.read_text()
        read_rules(text)
    except (OSError, ValueError) as error:
        raise StartError(f"{path}: {error}") from error
    return text
