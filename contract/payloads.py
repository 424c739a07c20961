"""Large payloads in object storage: the reference that stands in an event or a row in place of the text, and the key it leads to.

An object's key is project, folder of the trace, and SHA-256 of the text: said again, a payload is kept once, and everything a
trace has lies in one folder. A reference never names a project, so that it leads nowhere in another one.
"""

import hashlib
import re
from urllib.parse import quote

import msgspec

from contract.events import Event, partition_key

ROOT = "payloads"
MARK = '{"$sluice_payload":'
PREVIEW_CHARACTERS = 2_000
FOLDER_CHARACTERS = 32
PLACE = re.compile(r"^[0-9a-f]{32}/[0-9a-f]{64}$")


class Place(msgspec.Struct, frozen=True):
    """Where a payload is, `folder/sha256` below its project, and how long it is in UTF-8."""

    key: str
    size_bytes: int = msgspec.field(name="bytes")


class Reference(msgspec.Struct, frozen=True):
    """What stands for a payload: where it is, and its beginning."""

    payload: Place = msgspec.field(name="$sluice_payload")
    preview: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Reference).decode


def folder_of(key: str) -> str:
    """Return the folder of what has this Kafka key: project and trace, else session, else itself."""
    return hashlib.sha256(key.encode()).hexdigest()[:FOLDER_CHARACTERS]


def folder_of_event(project_id: str, event: Event) -> str:
    """Return the folder of an event's payloads."""
    return folder_of(partition_key(project_id, event))


def project_prefix(project_id: str) -> str:
    """Return the folder of all of a project's payloads."""
    return f"{ROOT}/{quote(project_id, safe='')}"


def object_key(project_id: str, place: str) -> str:
    """Return the object's key."""
    return f"{project_prefix(project_id)}/{place}"


def reference_to(folder: str, text: str, encoded: bytes) -> tuple[str, str]:
    """Return (place, reference as JSON) of a text and its UTF-8."""
    place = f"{folder}/{hashlib.sha256(encoded).hexdigest()}"
    reference = Reference(Place(place, len(encoded)), text[:PREVIEW_CHARACTERS])
    return place, _encode(reference).decode()


def is_reference(text: str) -> bool:
    """Tell whether a stored text may be a reference; what clients send that looks like one is kept behind one."""
    return text.startswith(MARK)


def place_in(text: str) -> Place | None:
    """Return where a stored text leads, None where it leads nowhere."""
    if not is_reference(text):
        return None
    try:
        place = _decode(text).payload
    except (msgspec.MsgspecError, RecursionError):
        return None
    return place if PLACE.fullmatch(place.key) and place.size_bytes >= 0 else None
