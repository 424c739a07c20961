"""The Avro schemas of `proto/avro`, by record name."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

from contract.errors import CodecError

AVRO_FOLDER = Path(__file__).resolve().parent.parent / "proto" / "avro"
FINGERPRINT_ALGORITHM = "CRC-64-AVRO"

EVENT_BATCH = "EventBatch"
TRACE_ROW = "TraceRow"
OBSERVATION_ROW = "ObservationRow"
SCORE_ROW = "ScoreRow"
SESSION_ROW = "SessionRow"
USER_ROW = "UserRow"
DEAD_LETTER = "DeadLetter"
LETTER_REPLAY = "LetterReplay"
ARCHIVED_RECORD = "ArchivedRecord"
PROJECT = "Project"
API_KEY = "ApiKey"
PROJECT_LIMITS = "ProjectLimits"
PROJECT_RETENTION = "ProjectRetention"
PROJECT_REDACTION = "ProjectRedaction"
DEGRADATION = "Degradation"
PROJECT_RESTRICTION = "ProjectRestriction"
PROJECT_EVALUATORS = "ProjectEvaluators"


@cache
def current() -> dict[str, Any]:
    """Return record name → parsed schema as this version writes it."""
    return _read_folder(AVRO_FOLDER)


@cache
def released() -> dict[str, dict[str, Any]]:
    """Return version → record name → parsed schema, for every version ever released."""
    folder = AVRO_FOLDER / "released"
    return {path.name: _read_folder(path) for path in sorted(folder.iterdir()) if path.is_dir()} if folder.is_dir() else {}


def _read_folder(folder: Path) -> dict[str, Any]:
    schemas = {}
    for path in sorted(folder.glob("*.avsc")):
        source = json.loads(path.read_text())
        schemas[source["name"]] = fastavro.parse_schema(source)
    return schemas


def fingerprint_of(schema: Any) -> bytes:
    """Return the 8 bytes, little-endian, that single-object encoding names a schema by (Avro specification 1.12)."""
    canonical = to_parsing_canonical_form(schema)
    return bytes.fromhex(fingerprint(canonical, FINGERPRINT_ALGORITHM))


def start_of(schema: Any, last_field: str) -> Any:
    """Return the schema of a record's fields up to and with `last_field`; raise CodecError where it is none of them."""
    names = [field["name"] for field in schema["fields"]]
    if last_field not in names:
        raise CodecError(f"{schema['name']} has no {last_field}")
    kept = schema["fields"][: names.index(last_field) + 1]
    return fastavro.parse_schema({"type": "record", "name": f"{schema['name']}Start", "fields": kept})


def file_name(record_name: str) -> str:
    """Return the file a record's schema stands in: EventBatch → event_batch.avsc."""
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in record_name)
    return f"{words.lstrip('_')}.avsc"
