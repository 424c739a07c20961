"""`python -m contract.compatibility`: every schema change can read what was released, and what was released can read it.

Avro's own resolution decides, on generated records: written by one side, read by the other (fields added need a default, fields
removed must have had one).
"""

import sys
from io import BytesIO
from itertools import islice
from typing import Any

from fastavro import schemaless_reader, schemaless_writer
from fastavro.utils import generate_many

from contract import schemas

SAMPLES = 25


def complaints(released: dict[str, Any], current: dict[str, Any], version: str) -> list[str]:
    """Return what one released version and the current schemas cannot tell each other."""
    found = [f"{version} {name}: the schema is gone, and records of it are still on topics" for name in released if name not in current]
    for name in released.keys() & current.keys():
        found += _unreadable(released[name], current[name], f"{name} as {version} wrote it cannot be read")
        found += _unreadable(current[name], released[name], f"{name} as it is now cannot be read by {version}")
    return sorted(found)


def _unreadable(writer: Any, reader: Any, sentence: str) -> list[str]:
    for record in islice(generate_many(writer, SAMPLES), SAMPLES):
        body = BytesIO()
        schemaless_writer(body, writer, record)
        body.seek(0)
        try:
            schemaless_reader(body, writer, reader)
        except Exception as error:  # noqa: BLE001  whatever fastavro raises is the finding
            return [f"{sentence}: {type(error).__name__}: {error}"]
    return []


def main() -> int:
    """Print every incompatibility; 1 if there are any."""
    released = schemas.released()
    found = [complaint for version, known in released.items() for complaint in complaints(known, schemas.current(), version)]
    for complaint in found:
        print(complaint, file=sys.stderr)  # noqa: T201  a command's output
    print(f"schemas: {len(schemas.current())} compared with {len(released)} released versions, {len(found)} incompatible")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
