"""The codec: both wire formats, and a clear error for everything else."""

from typing import Any

import pytest

from contract import schemas
from contract.codec import Codec
from contract.errors import CodecError

PROJECT: dict[str, Any] = {"project_id": "p", "name": "P", "public_key": "pk", "is_deleted": False}


class Registry:
    """A schema registry in memory."""

    def __init__(self) -> None:
        self.ids = {"Project": 7}
        self.sources: dict[int, Any] = {}

    def id_of(self, name: str) -> int:
        """Return the id of a record's schema."""
        return self.ids[name]

    def schema_of(self, schema_id: int) -> Any:
        """Return a schema's JSON."""
        try:
            return self.sources[schema_id]
        except KeyError:
            raise CodecError(f"schema {schema_id} is not to be had") from None


def test_single_object_encoding_names_the_schema_by_its_fingerprint() -> None:
    """C3 01, the little-endian CRC-64-AVRO fingerprint, the datum."""
    data = Codec().encode("Project", PROJECT)

    assert data[:10] == b"\xc3\x01" + schemas.fingerprint_of(schemas.current()["Project"])
    assert Codec().decode(data) == ("Project", PROJECT)


def test_the_fingerprint_is_avros_own() -> None:
    """The value that the Avro specification's reference implementation gives for "int"."""
    assert schemas.fingerprint_of("int").hex() == "8f5c393f1ad57572"


def test_with_a_registry_records_carry_its_id() -> None:
    """00, four bytes of id, the datum; and what was written without a registry is still read."""
    registry = Registry()
    registry.sources[7] = {
        "type": "record",
        "name": "Project",
        "namespace": "sluice.v1",
        "fields": [{"name": name, "type": "boolean" if name == "is_deleted" else "string"} for name in PROJECT],
    }
    codec = Codec(registry)

    data = codec.encode("Project", PROJECT)

    assert data[:5] == b"\x00\x00\x00\x00\x07"
    assert codec.decode(data) == ("Project", PROJECT)
    assert codec.decode(Codec().encode("Project", PROJECT)) == ("Project", PROJECT)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "starts with nothing"),
        (b"\xc3\x01" + bytes(8) + b"x", "no schema is known"),
        (b"\x00\x00\x00\x00\x09x", "SCHEMA_REGISTRY_URL is not set"),
        (Codec().encode("Project", PROJECT)[:-3], "not a readable Project"),
        (Codec().encode("Project", PROJECT) + b"!", "1 bytes left"),
    ],
)
def test_unreadable_bytes_are_a_codec_error_that_says_why(data: bytes, complaint: str) -> None:
    """Nothing else escapes, and the message leads to the cause."""
    with pytest.raises(CodecError, match=complaint):
        Codec().decode(data)


def test_an_unknown_id_is_a_codec_error() -> None:
    """A registry that does not know the schema."""
    with pytest.raises(CodecError, match="schema 9"):
        Codec(Registry()).decode(b"\x00\x00\x00\x00\x09x")


def test_a_decimal_that_is_left_out_is_its_default() -> None:
    """The schema promises 0, and both sides keep the promise."""
    row = {"project_id": "p", "id": "s", "source_partition": 0, "fence": 1, "updated_at": 1}

    _, read = Codec().decode(Codec().encode("SessionRow", row))

    assert read["total_cost"] == 0
