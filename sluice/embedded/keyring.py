"""The demo project and its keys: made once, kept in keys.json for its owner alone, published on the control topic at every start."""

from pathlib import Path

import msgspec

from contract.codec import codec_for
from contract.control import key_record, project_record, publish
from contract.kafka import KafkaSettings, producer
from contract.keys import SCOPES, Project, api_key, new_public_key, new_secret
from sluice.embedded.data_dir import write_whole
from sluice.embedded.errors import StartError

DEMO_PROJECT = "demo"
TIMEOUT_MS = 8_000


class Keyring(msgspec.Struct, frozen=True, kw_only=True):
    """A project and one key of each scope, secrets in the clear."""

    project_id: str
    public_key: str
    ingest_key: str
    read_key: str
    admin_key: str


def new_keyring(project_id: str) -> Keyring:
    """Return new keys."""
    secrets = {f"{scope}_key": new_secret(scope) for scope in SCOPES}
    return Keyring(project_id=project_id, public_key=new_public_key(), **secrets)


def load_or_make(path: Path) -> Keyring:
    """Return the keys in `path`, made if there are none; raise StartError where the file is not readable as keys."""
    if not path.exists():
        keyring = new_keyring(DEMO_PROJECT)
        write_whole(path, msgspec.json.format(msgspec.json.encode(keyring)) + b"\n")
        return keyring
    try:
        return msgspec.json.decode(path.read_bytes(), type=Keyring)
    except (OSError, msgspec.DecodeError) as error:
        raise StartError(f"{path} does not hold keys ({error}); delete it to have new ones made") from error


def publish_keyring(keyring: Keyring, settings: KafkaSettings) -> None:
    """Write the project and its keys to the control topic; raise RetryableError where Kafka does not take them."""
    project = Project(keyring.project_id, "Demo", keyring.public_key)
    keys = [api_key(getattr(keyring, f"{scope}_key"), keyring.project_id, scope) for scope in SCOPES]
    sender = producer(settings, client_id="sluice-up", timeout_ms=TIMEOUT_MS, linger_ms=0)
    publish([project_record(project), *map(key_record, keys)], sender, codec_for(settings.schema_registry_url))
