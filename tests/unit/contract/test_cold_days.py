"""Manifests and where they stand."""

import pytest

from contract.cold_days import ColdDay, ColdObject, folder_of, from_json, to_json
from contract.errors import CodecError
from contract.objects import checked_key

HOUR_US = 3_600_000_000


def an_object(min_us: int = 0, max_us: int = 0) -> ColdObject:
    """Return an object of some time."""
    return ColdObject(
        name="traces-1.parquet", row_count=2, size_bytes=3, checksum=2**64 - 1, first_hour=0, last_hour=23, min_us=min_us, max_us=max_us
    )


def test_a_manifest_reads_as_it_was_written() -> None:
    """Also a checksum of 64 bits."""
    day = ColdDay(project_id="p", date="2026-11-01", generation=3, cut_us=5, taken={"traces": 2}, objects={"traces": (an_object(),)})

    assert from_json(to_json(day)) == day


def test_what_is_no_manifest_is_refused() -> None:
    """With the reason."""
    with pytest.raises(CodecError, match="manifest"):
        from_json(b'{"project_id": 1}')


@pytest.mark.parametrize("project_id", ["demo", "a.b_c-d", "..", ".hidden", "a/b", "a=b", "ä{*}", "a%2Fb"])
def test_every_project_has_a_folder_that_can_be_a_key(project_id: str) -> None:
    """No project's id leads out of its folder or is a pattern to ClickHouse."""
    folder = folder_of(project_id, "2026-11-01")

    assert checked_key(folder) == folder
    assert folder.count("/") == 1
    assert not set("{}*?%") & set(folder)


def test_projects_never_share_a_folder() -> None:
    """Escaping takes nothing away."""
    ids = ["a=2Fb", "a/b", "a=b", "a=3Db"]

    assert len({folder_of(project_id, "d") for project_id in ids}) == len(ids)


def test_objects_are_chosen_by_whole_hours() -> None:
    """A range that ends within an object's first hour may still meet an older version of a row in it."""
    found = an_object(min_us=5 * HOUR_US + 10, max_us=7 * HOUR_US)

    assert found.holds_hours(None, 5 * HOUR_US)
    assert not found.holds_hours(None, 5 * HOUR_US - 1)
    assert found.holds_hours(7 * HOUR_US + 59, None)
    assert not found.holds_hours(8 * HOUR_US, None)
