"""`sluice keys`: the keys of a project, kept on the control topic as hashes; a secret is shown once, when it is made."""

import argparse
import os

import msgspec
from rich.console import Console
from rich.table import Table

from contract.control import Directory, key_record
from contract.keys import SCOPES, ApiKey, Project, api_key, new_secret
from sluice import kafka_access
from sluice.embedded.errors import StartError

NAME = "keys"
HELP = "list, create or revoke the keys of a project"


class Dump(msgspec.Struct):
    """What `Directory.dump` writes."""

    projects: list[Project]
    keys: list[ApiKey]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    show = actions.add_parser("list", help="list the keys of a project, without their secrets")
    create = actions.add_parser("create", help="create a key and print it, this once")
    create.add_argument("--scope", choices=SCOPES, required=True, help="ingest: write only; read: read only; admin: both")
    revoke = actions.add_parser("revoke", help="revoke a key; it stops working everywhere within seconds")
    for action in (show, create, revoke):
        action.add_argument("project_id")
    revoke.add_argument("key_id", help="the id that `list` shows")


def run(arguments: argparse.Namespace) -> int:
    """Carry the action out."""
    actions = {"list": _list, "create": _create, "revoke": _revoke}
    return actions[arguments.action](arguments)


def keys_of(directory: Directory, project_id: str) -> list[ApiKey]:
    """Return a project's keys; raise StartError where there is no such project."""
    if project_id not in directory.projects:
        known = ", ".join(sorted(directory.projects)) or "none"
        raise StartError(f"no project {project_id}; there are: {known}")
    held = msgspec.json.decode(directory.dump(), type=Dump)
    return [key for key in held.keys if key.project_id == project_id]


def _list(arguments: argparse.Namespace) -> int:
    directory = kafka_access.directory(kafka_access.kafka_settings(os.environ))
    table = Table("key id", "scope")
    for key in keys_of(directory, arguments.project_id):
        table.add_row(key.key_id, key.scope)
    Console().print(table)
    return 0


def _create(arguments: argparse.Namespace) -> int:
    settings = kafka_access.kafka_settings(os.environ)
    keys_of(kafka_access.directory(settings), arguments.project_id)
    secret = new_secret(arguments.scope)
    key = api_key(secret, arguments.project_id, arguments.scope)
    kafka_access.write(settings, key_record(key))
    print(f"key {key.key_id}, scope {key.scope}; its secret is shown this once:\n{secret}")
    return 0


def _revoke(arguments: argparse.Namespace) -> int:
    settings = kafka_access.kafka_settings(os.environ)
    held = keys_of(kafka_access.directory(settings), arguments.project_id)
    wanted = [key for key in held if key.key_id == arguments.key_id]
    if not wanted:
        raise StartError(f"project {arguments.project_id} has no key {arguments.key_id}")
    kafka_access.write(settings, key_record(wanted[0], is_revoked=True))
    print(f"key {arguments.key_id} is revoked")
    return 0
