"""Text search: what it finds, that versions do not confuse it, and that its indexes are used."""

import datetime as dt
import random
from typing import Any

import httpx
import pytest

from contract.store_schema import SEARCH_INDEXES
from query import statements
from query.parameters import Query
from sinks.clickhouse.writer import INSERT_SETTINGS
from sinks.cold.search_index import SearchIndex
from tests.integration.query.served import HOUR_US, NOON_US, Store

TOMORROW = dt.date(2026, 11, 22)
NOON = "2026-11-21T12:00:00Z"
WAITING = {"mutations_sync": 2}
AS_THE_SINK = {name: INSERT_SETTINGS[name] for name in ("exclude_materialize_skip_indexes_on_insert",)}


def found(api: httpx.Client, text: str, listing: str = "traces", **more: str) -> list[str]:
    """Return the ids that a search finds, in order."""
    answer = api.get(f"/api/v1/{listing}", params={"search": text, "to": "2026-11-22T00:00:00Z", "limit": "1000", **more})
    assert answer.status_code == 200, answer.text
    return sorted(row["id"] for row in answer.json()["data"])


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ('"The quick Brown fox"', "QUICK brown"),
        ('"GRÖẞE? größe, Maße"', "GRÖßE"),
        ('"Gr\\u00d6\\u00dfe"', "GRÖßE"),
        ('{"say":"he said \\"no\\"","n":1}', 'said "no"'),
        ("plain, not JSON", "not json"),
        ('"100% sure_ of it"', "100% sure_"),
        ('"back\\\\slash"', "back\\slash"),
        ('"a\\nb"', "a\nb"),
        ('"xyz"', "y"),
    ],
)
def test_a_text_is_found_whatever_its_case(store: Store, api: httpx.Client, stored: str, text: str) -> None:
    """In input or in output, of traces and of observations; what does not hold it is not shown."""
    store.put("traces", store.trace("in", input=stored, output=""), store.trace("out", input="", output=stored))
    store.put("traces", store.trace("other", input='"something else"', output='"nothing"'))
    store.put("observations", store.observation("o1", "in", input=stored), store.observation("o2", "in", input='"nothing"'))

    assert found(api, text) == ["in", "out"]
    assert found(api, text, "observations") == ["o1"]


def test_observations_are_listed_and_filtered(store: Store, api: httpx.Client) -> None:
    """By trace, name, model and kind, with their trace's id, page by page."""
    row = {"kind": "generation", "model": "m1", "name": "call"}
    store.put("observations", *(store.observation(f"o{number}", f"t{number % 2}", NOON_US + number, **row) for number in range(5)))
    store.put("observations", store.observation("other", "t9", NOON_US, kind="span", model="", name="step"))

    first = api.get("/api/v1/observations?limit=2&model=m1").json()
    second = api.get("/api/v1/observations", params={"limit": 10, "model": "m1", "cursor": first["next_cursor"]}).json()

    assert [(one["id"], one["trace_id"]) for one in first["data"] + second["data"]] == [(f"o{n}", f"t{n % 2}") for n in (4, 3, 2, 1, 0)]
    assert [one["id"] for one in api.get("/api/v1/observations?trace_id=t1").json()["data"]] == ["o3", "o1"]
    assert [one["id"] for one in api.get("/api/v1/observations?kind=span&name=step").json()["data"]] == ["other"]


def test_a_search_is_bounded(store: Store, api: httpx.Client) -> None:
    """It goes 7 days back unless told, and at most 31."""
    store.put("traces", store.trace("old", NOON_US - 10 * 24 * HOUR_US, input='"needle"'), store.trace("new", input='"needle"'))

    assert found(api, "needle") == ["new"]
    assert found(api, "needle", **{"from": "2026-11-01T00:00:00Z"}) == ["new", "old"]
    refused = api.get("/api/v1/traces?search=needle&from=2026-01-01T00:00:00Z&to=2026-11-22T00:00:00Z")
    assert (refused.status_code, refused.json()["error"]["field"]) == (400, "from")


def filled(store: Store) -> dict[str, str]:
    """Put versions of 1,200 traces into several parts, the index made in the middle of it; return id → what its newest version says."""
    drawn = random.Random(7)
    newest: dict[str, str] = {}
    for step in range(4):
        rows: list[dict[str, Any]] = []
        for number in range(1200):
            if step and drawn.random() < 0.8:
                continue
            said = f'"{drawn.choice(["alpha beta", "gamma delta", "omega needle", "Needle point"])} {number % 97}"'
            rows.append(store.trace(f"t{number}", NOON_US + number * 1_000_000, input=said, is_deleted=int(drawn.random() < 0.1)))
            newest[f"t{number}"] = "" if rows[-1]["is_deleted"] else said
        store.client.insert("traces", [list(row.values()) for row in rows], column_names=list(rows[0]), settings=AS_THE_SINK)
        if step == 1:
            assert SearchIndex(store.client, WAITING).make(TOMORROW) == 1
            store.client.command("SYSTEM STOP MERGES traces")
    return newest


def test_the_indexes_change_no_answer(store: Store, api: httpx.Client) -> None:
    """Over parts with and without them, newer versions that no longer hold the text, and tombstones."""
    made = str(store.client.query("SHOW CREATE TABLE traces").result_rows[0][0])
    store.client.command("DROP TABLE traces SYNC")
    store.client.command(made.replace("index_granularity = 8192", "index_granularity = 128"))
    newest = filled(store)

    for text in ("NEEDLE P", "omega needle 13", "absent", "ta 4"):
        expected = sorted(name for name, said in newest.items() if text.lower() in said.lower())
        assert found_by_pages(api, text) == expected


def found_by_pages(api: httpx.Client, text: str) -> list[str]:
    """Return the ids that a search finds, page by page."""
    ids: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        answer = api.get("/api/v1/traces", params={"search": text, "to": "2026-11-22T00:00:00Z", "limit": "1000", **more})
        assert answer.status_code == 200, answer.text
        ids += [row["id"] for row in answer.json()["data"]]
        cursor = answer.json()["next_cursor"]
    return sorted(ids)


def granules(store: Store, query: Query) -> tuple[int, int]:
    """Return how many granules are read to find a page, with the indexes, and of how many."""
    statement = statements.trace_page(query, query.from_us)
    keys = statement.sql[statement.sql.index(" IN (") + 5 : statement.sql.rindex("\n    )")]
    plan = store.client.query(f"EXPLAIN indexes = 1 {keys}", parameters=statement.parameters, settings=statement.settings).result_rows
    lines = [str(line).strip() for (line,) in plan]
    last = max(
        index for index, line in enumerate(lines) if any(f"Name: {name}" in line for name in SEARCH_INDEXES) or "Combined skip" in line
    )
    counted = next(line for line in lines[last:] if line.startswith("Granules:"))
    left, whole = counted.removeprefix("Granules: ").split("/")
    return int(left), int(whole)


def test_the_indexes_leave_granules_out(store: Store) -> None:
    """Of a day that is over only the granule with the text is read; until its index is made, all are."""
    rows = [store.trace(f"t{n}", NOON_US + n * 400_000, input=f'"words of number {n}"', output='"answer"') for n in range(30_000)]
    rows[17_000]["input"] = '"a Singular utterance"'
    store.client.insert("traces", [list(row.values()) for row in rows], column_names=list(rows[0]), settings=AS_THE_SINK)
    query = Query(project_id="p1", search="singular utter", from_us=NOON_US - HOUR_US, to_us=NOON_US + 10 * HOUR_US)
    whole = granules(store, query)

    SearchIndex(store.client, WAITING).make(TOMORROW)

    assert whole[0] == whole[1] >= 3
    assert granules(store, query) == (1, whole[1])


def test_an_index_is_made_again_only_for_a_day_that_has_changed(store: Store) -> None:
    """And never for a day that is not over."""
    index = SearchIndex(store.client, WAITING)
    store.put("traces", store.trace("t1", input='"x"'))
    store.put("observations", store.observation("o1", "t1", NOON_US - 24 * HOUR_US))
    assert index.make(dt.date(2026, 11, 20)) == 0

    assert (index.make(TOMORROW), index.make(TOMORROW)) == (2, 0)
    store.put("traces", store.trace("t2", input='"y"'))
    assert (index.make(TOMORROW), index.make(TOMORROW)) == (1, 0)
