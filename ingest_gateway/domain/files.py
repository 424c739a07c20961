"""Files that clients attach: what is known of one, where it is kept, and how the metadata of what it belongs to refers to it.

A file is kept by its content, so that the same one is kept once, whoever sends it and how often.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from contract.events import Event, Rejection

MEDIA_ID_LENGTH = 22
LONGEST_CONTENT_TYPE = 200
DEFAULT_CONTENT_TYPE = "application/octet-stream"
MEDIA_TYPE = re.compile(r"^[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}(?:\s*;[\x20-\x7e]{0,200})?$")
PREFIX = "attachment."
"""What the name of a file stands behind in the metadata."""

Items = list[Event | Rejection]
Place = tuple[str, str]
"""(event id, name in the metadata)."""

_encode = msgspec.json.Encoder().encode


class Reference(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What metadata say of a file; `media_id` fetches it, `reason` says why it is not kept.

    One event may be told both ways, by a client that sends twice: then the larger text wins, which is the one that is kept.
    """

    mime_type: str
    size_bytes: int = msgspec.field(name="bytes")
    is_kept: bool
    media_id: str | None = None
    reason: str | None = None


class File(NamedTuple):
    """A file on its way to object storage, and which event's metadata refer to it by which name."""

    event_id: str
    name: str
    content: memoryview
    content_type: str
    media_id: str

    @property
    def place(self) -> Place:
        """Return where the reference stands."""
        return self.event_id, self.name

    def reference(self, reason: str | None = None) -> str:
        """Return the reference as JSON; a `reason` says that the file is not kept."""
        return reference_to(self.content_type, len(self.content), None if reason else self.media_id, reason)


def reference_to(content_type: str, size_bytes: int, media_id: str | None, reason: str | None = None) -> str:
    """Return a reference as JSON."""
    said = Reference(mime_type=content_type, size_bytes=size_bytes, is_kept=media_id is not None, media_id=media_id, reason=reason)
    return _encode(said).decode()


def media_id_of(digest: bytes) -> str:
    """Return the id of content by its SHA-256, which Langfuse's SDKs work out for themselves and insist on."""
    return base64.urlsafe_b64encode(digest).decode()[:MEDIA_ID_LENGTH]


def media_id_in(content: bytes | memoryview) -> str:
    """Return the id of `content`."""
    return media_id_of(hashlib.sha256(content).digest())


def key_of(project_id: str, media_id: str) -> str:
    """Return where the content is kept."""
    return f"{project_prefix(project_id)}/{media_id}"


def project_prefix(project_id: str) -> str:
    """Return the folder of all of a project's files."""
    return f"media/{quote(project_id, safe='')}"


def media_type_of(text: str) -> str:
    """Return a media type that a header can hold: `text`, unless it is none."""
    return text if MEDIA_TYPE.fullmatch(text) else DEFAULT_CONTENT_TYPE


def without(items: Iterable[Event | Rejection], references: Mapping[Place, str]) -> Items:
    """Return `items` with these references in place of those that were made before the files were kept."""
    told: dict[str, dict[str, str]] = {}
    for (event_id, name), reference in references.items():
        told.setdefault(event_id, {})[name] = reference
    return [_told(item, told[item.event_id]) if isinstance(item, Event) and item.event_id in told else item for item in items]


def _told(event: Event, references: dict[str, str]) -> Event:
    metadata = {**event.fields.get("metadata", {}), **references}
    return msgspec.structs.replace(event, fields={**event.fields, "metadata": metadata})
