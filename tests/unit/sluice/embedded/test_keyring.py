"""keys.json: made once, kept."""

from pathlib import Path

import pytest

from contract.keys import SCOPES
from sluice.embedded.errors import StartError
from sluice.embedded.keyring import load_or_make


def test_keys_are_made_once(tmp_path: Path) -> None:
    """A second start finds the keys of the first."""
    path = tmp_path / "keys.json"

    assert load_or_make(path) == load_or_make(path)


def test_keys_are_of_their_scope_and_private(tmp_path: Path) -> None:
    """Each key says its scope, none is shared, and only the owner may read the file."""
    keyring = load_or_make(tmp_path / "keys.json")
    secrets = {scope: getattr(keyring, f"{scope}_key") for scope in SCOPES}

    assert all(secret.startswith(f"sl-{scope}-") for scope, secret in secrets.items())
    assert len(set(secrets.values())) == len(SCOPES)
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    """Keys are never silently replaced: a broken file is refused by name."""
    path = tmp_path / "keys.json"
    path.write_text("{")

    with pytest.raises(StartError, match=r"keys\.json"):
        load_or_make(path)
