"""When the processors' state counts as lost, and whose local copy is worth nothing."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from contract.kafka import KafkaSettings
from processors import lost_state
from processors.lost_state import Extent, lost


@pytest.mark.parametrize(
    ("extents", "said"),
    [
        ({0: Extent(0, 0, 0), 1: Extent(0, 0, 0)}, None),
        ({0: Extent(0, 90, 40), 1: Extent(0, 0, 0)}, None),
        ({0: Extent(0, 90, 40), 1: Extent(0, 0, 7)}, "changelog of partitions [1] is empty"),
        ({0: Extent(30, 90, 40), 1: Extent(0, 5, 7)}, "changelog of partitions [0] lacks its beginning"),
        ({0: Extent(30, 90, 0)}, None),
        ({0: Extent(None, None, 0)}, None),
        ({0: Extent(None, None, 3)}, "changelog of partitions [0] is empty"),
    ],
)
def test_processed_records_without_a_changelog_mean_lost_state(extents: Mapping[int, Extent], said: str | None) -> None:
    """A group that has processed nothing has nothing to lose."""
    found = lost(extents)

    assert found is None if said is None else said in (found or "")


def test_the_copy_of_an_earlier_changelog_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look only writes down whose copy it is; the same changelog keeps it, another one does not."""
    life = {"id": "first"}
    monkeypatch.setattr(lost_state, "topic_id", lambda *_: life["id"])
    tables = tmp_path / "v1" / "tables"
    (tables / "state-0.db").mkdir(parents=True)

    def look() -> bool:
        lost_state.drop_copy_of_another(KafkaSettings(), "changelog", tmp_path, tables)
        return tables.exists()

    assert look()
    assert look()
    life["id"] = "second"
    assert not look()
