"""Which keys a project has."""

import pytest

from contract.control import Directory, key_record, project_record
from contract.keys import Project, api_key
from sluice.embedded.errors import StartError
from sluice.keys import keys_of

OURS = api_key("sl-read-ours", "ours", "read")
THEIRS = api_key("sl-read-theirs", "theirs", "read")


def directory() -> Directory:
    """Return two projects with a key each."""
    found = Directory()
    projects = [project_record(Project(name, name, f"pk-{name}")) for name in ("ours", "theirs")]
    for _, name, record in [*projects, key_record(OURS), key_record(THEIRS)]:
        found.apply(name, record)
    return found


def test_a_project_has_its_own_keys_only() -> None:
    """Keys of other projects do not show."""
    assert keys_of(directory(), "ours") == [OURS]


def test_an_unknown_project_is_refused_with_those_there_are() -> None:
    """The message helps with a misspelt id."""
    with pytest.raises(StartError, match="ours, theirs"):
        keys_of(directory(), "our")
