"""Dashboards: valid, and about series that exist."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.monitoring.promql import mistakes
from tests.unit.monitoring.test_rules import KNOWN

FOLDER = Path(__file__).parents[3] / "k8s" / "monitoring" / "dashboards"
DASHBOARDS = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
COLUMNS = 24


def queries(dashboard: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (panel, query) for everything a dashboard asks."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]


QUERIES = [pytest.param(query, id=f"{name}: {panel}") for name, board in DASHBOARDS.items() for panel, query in queries(board)]


@pytest.mark.parametrize("query", QUERIES)
def test_a_panel_asks_for_what_exists(query: str) -> None:
    """Every query parses, its series exist and have the labels it names."""
    assert list(mistakes(query, KNOWN)) == []


@pytest.mark.parametrize("board", DASHBOARDS.values(), ids=list(DASHBOARDS))
def test_panels_do_not_overlap(board: dict[str, Any]) -> None:
    """Each has its place in the grid and an id of its own."""
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert place["x"] + place["w"] <= COLUMNS
        assert not cells & taken
        taken |= cells
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("board", DASHBOARDS.values(), ids=list(DASHBOARDS))
def test_panels_say_what_they_show(board: dict[str, Any]) -> None:
    """Every panel has a title, a description and a unit, and asks the data source that is chosen above."""
    for panel in board["panels"]:
        if panel["type"] != "row":
            assert panel["title"]
            assert panel["description"]
            assert panel["fieldConfig"]["defaults"]["unit"]
            assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])


def test_dashboards_are_told_apart() -> None:
    """Their uid is what links lead to."""
    assert len({board["uid"] for board in DASHBOARDS.values()}) == len(DASHBOARDS) > 1
