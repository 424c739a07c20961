"""PROJECTS_FILE: projects and keys that a deployment brings along, written to `control` where it lacks them."""

import logging
from pathlib import Path

import msgspec
from confluent_kafka import Producer

from contract.codec import Codec
from contract.control import Directory, key_record, project_record, publish
from contract.errors import SettingsError
from contract.keys import ApiKey, Project, Scope, api_key

logger = logging.getLogger(__name__)


class SeedKey(msgspec.Struct, forbid_unknown_fields=True):
    """A key of a project, in clear; the file is a mounted secret."""

    scope: Scope
    secret: str


class SeedProject(msgspec.Struct, forbid_unknown_fields=True):
    """A project and its keys."""

    project_id: str
    public_key: str
    name: str = ""
    keys: list[SeedKey] = []

    @property
    def project(self) -> Project:
        """Return the project alone."""
        return Project(self.project_id, self.name or self.project_id, self.public_key)

    @property
    def api_keys(self) -> list[ApiKey]:
        """Return its keys in the form they are stored in."""
        return [api_key(key.secret, self.project_id, key.scope) for key in self.keys]


class SeedFile(msgspec.Struct, forbid_unknown_fields=True):
    """`{"projects": [{"project_id", "public_key", "name", "keys": [{"scope", "secret"}]}]}`."""

    projects: list[SeedProject]


def read_seed(path: Path | None) -> list[SeedProject]:
    """Read PROJECTS_FILE; raise SettingsError where it cannot be."""
    if path is None:
        return []
    try:
        return msgspec.json.decode(path.read_bytes(), type=SeedFile).projects
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SettingsError([f"PROJECTS_FILE={str(path)!r}: {error}"]) from error


def publish_seed(seed: list[SeedProject], directory: Directory, producer: Producer, codec: Codec) -> bool:
    """Write what the directory lacks and tell whether that was anything; raise RetryableError where Kafka did not take it."""
    projects = [held.project for held in seed if directory.projects.get(held.project_id) != held.project]
    keys = [key for held in seed for key in held.api_keys if not directory.knows(key)]
    if not projects and not keys:
        return False
    publish([*map(project_record, projects), *map(key_record, keys)], producer, codec)
    logger.info("projects_seeded projects=%d keys=%d", len(projects), len(keys))
    return True
