"""Avro on the wire: single-object encoding by default, Confluent's wire format where a schema registry is set.

Single-object: C3 01, the schema's 8-byte CRC-64-AVRO fingerprint, the datum (Avro specification 1.12). Confluent: 00, the
registry's 4-byte schema id, the datum. Reading accepts both, so that a registry can be switched on while old records remain.
"""

import json
import struct
from io import BytesIO
from typing import Any, Protocol

import fastavro
from fastavro import schemaless_reader

from contract import schemas
from contract.avro_writer import compiled
from contract.errors import CodecError

SINGLE_OBJECT_MAGIC = b"\xc3\x01"
SINGLE_OBJECT_HEADER_BYTES = 10
CONFLUENT_MAGIC = b"\x00"
CONFLUENT_HEADER = struct.Struct(">bI")

Record = dict[str, Any]


class SchemaRegistry(Protocol):
    """What the codec needs of a schema registry."""

    def id_of(self, name: str) -> int:
        """Return the registry's id of the current schema of `name`, registering it if need be."""

    def schema_of(self, schema_id: int) -> Any:
        """Return the JSON of a registered schema; raise CodecError where there is none."""


class Codec:
    """Encodes records by name and decodes bytes to (record name, record as this version names its fields)."""

    def __init__(self, registry: SchemaRegistry | None = None) -> None:
        self._registry = registry
        self._schemas = schemas.current()
        self._encoders = {name: compiled(schema) for name, schema in self._schemas.items()}
        self._headers: dict[str, bytes] = {}
        self._writers: dict[bytes, tuple[str, Any]] = {}
        self._starts: dict[tuple[str, str], Any] = {}
        for known in (*schemas.released().values(), self._schemas):
            for name, schema in known.items():
                self._writers[SINGLE_OBJECT_MAGIC + schemas.fingerprint_of(schema)] = (name, schema)

    def encode(self, name: str, record: Record) -> bytes:
        """Return `record` as bytes with a header that names its schema."""
        out = bytearray(self._headers.get(name) or self._header(name, self._schemas[name]))
        self._encoders[name](out, record)
        return bytes(out)

    def decode(self, data: bytes) -> tuple[str, Record]:
        """Read one record; raise CodecError where the header or the datum is not understood."""
        name, writer, start = self._writer_of(data)
        reader = self._schemas[name]
        record, end = _read(name, data, start, writer, None if writer is reader else reader)
        if end != len(data):
            raise CodecError(f"{len(data) - end} bytes left after the {name}")
        return name, record

    def decode_start(self, data: bytes, last_field: str) -> tuple[str, Record]:
        """Read a record's fields up to and with `last_field`, and nothing behind: a few µs whatever its size.

        What another schema wrote, in an order of its own, is read whole. Raises CodecError where the header or these fields are not
        understood, or `last_field` is none of them.
        """
        name, writer, start = self._writer_of(data)
        if writer is not self._schemas[name]:
            return self.decode(data)
        key = (name, last_field)
        if key not in self._starts:
            self._starts[key] = schemas.start_of(writer, last_field)
        return name, _read(name, data, start, self._starts[key], None)[0]

    def datum(self, name: str, data: bytes) -> bytes:
        """Return a `name` record's datum in the current schema, without a header; raise CodecError where an older one is not readable."""
        _, writer, start = self._writer_of(data)
        if writer is self._schemas[name]:
            return data[start:]
        return self.encode_datum(name, self.decode(data)[1])

    def encode_datum(self, name: str, record: Record) -> bytes:
        """Return `record` as a datum in the current schema, without a header."""
        out = bytearray()
        self._encoders[name](out, record)
        return bytes(out)

    def _header(self, name: str, schema: Any) -> bytes:
        if self._registry is None:
            header = SINGLE_OBJECT_MAGIC + schemas.fingerprint_of(schema)
        else:
            header = CONFLUENT_HEADER.pack(0, self._registry.id_of(name))
        self._headers[name] = header
        return header

    def _writer_of(self, data: bytes) -> tuple[str, Any, int]:
        known = self._writers.get(data[:SINGLE_OBJECT_HEADER_BYTES])
        if known is not None:
            return *known, SINGLE_OBJECT_HEADER_BYTES
        if data[:1] == CONFLUENT_MAGIC and len(data) >= CONFLUENT_HEADER.size:
            return self._registered_writer(data[: CONFLUENT_HEADER.size])
        raise CodecError(f"no schema is known for a record that starts with {data[:SINGLE_OBJECT_HEADER_BYTES].hex() or 'nothing'}")

    def _registered_writer(self, header: bytes) -> tuple[str, Any, int]:
        known = self._writers.get(header)
        if known is None:
            if self._registry is None:
                raise CodecError("a record in Confluent's wire format, but SCHEMA_REGISTRY_URL is not set")
            known = self._fetched_writer(header, self._registry)
        return *known, CONFLUENT_HEADER.size

    def _fetched_writer(self, header: bytes, registry: SchemaRegistry) -> tuple[str, Any]:
        _, schema_id = CONFLUENT_HEADER.unpack(header)
        source = registry.schema_of(schema_id)
        name = source["name"].rpartition(".")[2]
        if name not in self._schemas:
            raise CodecError(f"schema {schema_id} is a {name}, which Sluice does not know")
        self._writers[header] = (name, fastavro.parse_schema(source))
        return self._writers[header]


def _read(name: str, data: bytes, start: int, writer: Any, reader: Any) -> tuple[Record, int]:
    """Return the datum at `start` and where it ends; raise CodecError where it is not understood."""
    body = BytesIO(data)
    body.seek(start)
    try:
        record = schemaless_reader(body, writer, reader)
    except Exception as error:  # fastavro raises whatever the bytes provoke
        raise CodecError(f"not a readable {name}: {type(error).__name__}: {error}") from error
    return record, body.tell()  # type: ignore[return-value]


class ConfluentRegistry:
    """A schema registry over HTTP; one subject per record name, compatibility checked by the registry."""

    def __init__(self, url: str) -> None:
        from confluent_kafka.schema_registry import SchemaRegistryClient  # noqa: PLC0415  heavy, and only needed where a registry is set

        self._client = SchemaRegistryClient({"url": url})

    def id_of(self, name: str) -> int:
        """Register the current schema under its full name and return its id."""
        from confluent_kafka.schema_registry import Schema  # noqa: PLC0415

        source = (schemas.AVRO_FOLDER / schemas.file_name(name)).read_text()
        return int(self._client.register_schema(f"sluice.v1.{name}", Schema(source, "AVRO")))

    def schema_of(self, schema_id: int) -> Any:
        """Return the schema's JSON; raise CodecError where the registry has none."""
        try:
            return json.loads(self._client.get_schema(schema_id).schema_str or "{}")
        except Exception as error:
            raise CodecError(f"schema {schema_id} is not to be had from the registry: {error}") from error


def codec_for(schema_registry_url: str | None) -> Codec:
    """Return the codec a service uses."""
    return Codec(ConfluentRegistry(schema_registry_url) if schema_registry_url else None)
