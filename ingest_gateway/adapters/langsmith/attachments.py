"""Files of runs: parts of a multipart body, or in base64 where a run goes by itself."""

import base64
import binascii
from typing import Final, NamedTuple

import msgspec

from ingest_gateway.adapters.langsmith.multipart import Part
from ingest_gateway.adapters.langsmith.wire import Json, object_of
from ingest_gateway.domain.files import LONGEST_CONTENT_TYPE, PREFIX, File, media_id_in, reference_to

UNREADABLE: Final = "neither a part of the request nor base64"


class Attachment(NamedTuple):
    """A file that came with a run; where it has a `reason` it could not be read."""

    name: str
    content_type: str
    content: memoryview
    media_id: str
    reason: str | None = None

    @property
    def key(self) -> str:
        """Return by which name the run's metadata refer to it."""
        return f"{PREFIX}{self.name}"

    @property
    def reference(self) -> str:
        """Return what the run's metadata say of it."""
        return reference_to(self.content_type, len(self.content), None if self.reason else self.media_id, self.reason)

    def file(self, event_id: str) -> File:
        """Return it as what is kept."""
        return File(event_id, self.key, self.content, self.content_type, self.media_id)


class Described(msgspec.Struct):
    """A file as an object."""

    mime_type: str
    data: str


_decode_listed = msgspec.json.Decoder(tuple[str, str]).decode
_decode_described = msgspec.json.Decoder(Described).decode


def in_parts(files: list[tuple[str, Part]]) -> list[Attachment]:
    """Return the files that are parts of their own."""
    return [_attachment(name, part.content_type, part.content) for name, part in files]


def in_json(raw: Json) -> list[Attachment]:
    """Return the files that stand in a run."""
    return [_decoded(name, said) for name, said in object_of(raw).items()]


def by_name(*sources: list[Attachment]) -> list[Attachment]:
    """Return the files, of two with one name the later."""
    return list({file.name: file for files in sources for file in files}.values())


def _decoded(name: str, said: msgspec.Raw) -> Attachment:
    content_type = ""
    try:
        content_type, data = _entry(said)
        return _attachment(name, content_type, memoryview(base64.b64decode(data, validate=True)))
    except (msgspec.MsgspecError, binascii.Error, ValueError):
        return Attachment(name, content_type[:LONGEST_CONTENT_TYPE], memoryview(b""), "", UNREADABLE)


def _entry(said: msgspec.Raw) -> tuple[str, str]:
    if bytes(said)[:1] == b"[":
        return _decode_listed(said)
    described = _decode_described(said)
    return described.mime_type, described.data


def _attachment(name: str, content_type: str, content: memoryview) -> Attachment:
    return Attachment(name, content_type[:LONGEST_CONTENT_TYPE], content, media_id_in(content))
