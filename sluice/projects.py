"""`sluice projects`: the tenants, kept on the control topic."""

import argparse
import os
import re
import sys

from rich.console import Console
from rich.table import Table

from contract.control import project_record
from contract.errors import PipelineError, SettingsError
from contract.keys import Project, new_public_key
from sluice import kafka_access

NAME = "projects"
HELP = "list the projects, or create one"

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
WRONG_SETTINGS = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="list the projects")
    create = actions.add_parser("create", help="create a project; its keys come from `sluice keys create`")
    create.add_argument("project_id", type=checked_id)
    create.add_argument("--name", help="a name for people; the id where it is missing")


def checked_id(text: str) -> str:
    """Return a project id that is safe in object names, Kafka keys and URLs; refuse any other."""
    if not ID.fullmatch(text):
        raise argparse.ArgumentTypeError("letters, digits, dots, dashes and underscores, 100 at most, starting with a letter or digit")
    return text


def run(arguments: argparse.Namespace) -> int:
    """Carry the action out."""
    try:
        return _create(arguments) if arguments.action == "create" else _list()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return WRONG_SETTINGS
    except PipelineError as error:
        print(f"sluice projects: {error}", file=sys.stderr)
        return 1


def _list() -> int:
    table = Table("id", "name", "public key")
    for project in kafka_access.directory(kafka_access.kafka_settings(os.environ)).projects.values():
        table.add_row(project.project_id, project.name, project.public_key)
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
