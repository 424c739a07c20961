"""Compare what the manifests say with what the objects hold."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from contract.cold_days import COLD_TABLES, MANIFEST, ColdDay, ColdTable, folder_of, from_json, key_of
from contract.cold_files import ColdFiles
from contract.errors import CodecError, PipelineError
from contract.objects import ListedStore
from sinks.cold.catalogue import Catalogue
from sinks.cold.report import Progress

FACTS = "SELECT count(), sum(cityHash64(tuple(*))) FROM {source}"


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What was looked at, and what is wrong: a sentence each."""

    days: int = 0
    objects: int = 0
    rows: int = 0
    bytes: int = 0
    problems: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {"days": self.days, "objects": self.objects, "rows": self.rows, "bytes": self.bytes, "problems": self.problems}


def verify(catalogue: Catalogue, files: ColdFiles, objects: ListedStore, say: Callable[[Progress], None]) -> Verdict:
    """Read every object of every cold day; days that a mover changes meanwhile may be told as wrong, so run it while none does."""
    verdict = Verdict()
    known = catalogue.days()
    for number, one in enumerate(known.values()):
        say(Progress(step="verify", date=one.day.date, project_id=one.day.project_id, days_done=number, days_total=len(known)))
        verdict.days += 1
        verdict.problems += _manifest_problems(one.day, objects)
        for table in COLD_TABLES:
            verdict.problems += _object_problems(one.day, table, catalogue, files, objects, verdict)
        if not one.is_settled:
            verdict.problems.append(f"{folder_of(one.day.project_id, one.day.date)}: not settled yet; the next run finishes it")
        elif left := _leftovers(one.day, objects):
            verdict.problems.append(f"{folder_of(one.day.project_id, one.day.date)}: {len(left)} objects that no manifest names")
    return verdict


def _manifest_problems(day: ColdDay, objects: ListedStore) -> Iterator[str]:
    key = key_of(day.project_id, day.date, MANIFEST)
    found = objects.get(key)
    try:
        if found is None:
            yield f"{key}: missing"
        elif from_json(found.body) != day:
            yield f"{key}: not the one that the store goes by"
    except CodecError as error:
        yield f"{key}: {error}"


def _object_problems(
    day: ColdDay, table: ColdTable, catalogue: Catalogue, files: ColdFiles, objects: ListedStore, verdict: Verdict
) -> Iterator[str]:
    for wanted in day.of(table):
        key = key_of(day.project_id, day.date, wanted.name)
        info = objects.head(key)
        if info is None:
            yield f"{key}: missing"
            continue
        verdict.objects += 1
        verdict.bytes += info.size_bytes
        try:
            count, checksum = catalogue.rows(FACTS.format(source=files.source([key], "auto")))[0]
        except PipelineError as error:
            yield f"{key}: {error}"
            continue
        except Exception as error:  # noqa: BLE001  whatever the store says of an object that it cannot read
            yield f"{key}: cannot be read: {str(error)[:200]}"
            continue
        verdict.rows += int(count)
        if (int(count), int(checksum)) != (wanted.row_count, wanted.checksum):
            yield f"{key}: {count} rows with checksum {checksum}; the manifest says {wanted.row_count} with {wanted.checksum}"


def _leftovers(day: ColdDay, objects: ListedStore) -> list[str]:
    named = {MANIFEST} | day.names
    return [key for key in objects.keys(folder_of(day.project_id, day.date)) if key.rpartition("/")[2] not in named]
