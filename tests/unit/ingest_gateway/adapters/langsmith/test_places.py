"""Which trace a run belongs to, however little it says."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from contract.events import Event
from ingest_gateway.adapters.base import Decoded

ROOT = "01a1fce7-6c60-70d7-acf5-81e6b1a098d9"
CHILD = "01a1fce7-6c65-73be-9395-86166f626ae2"
LEAF = "01a1fce7-6c66-77d3-bef0-c5c90550c0ec"
ORDER = f"20261121T065947424005Z{ROOT}"

Events = Callable[..., list[Event]]
MakeRun = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("said", "trace_id", "parent_id", "is_root"),
    [
        ({}, ROOT, None, True),
        ({"trace_id": ROOT, "dotted_order": ORDER}, ROOT, None, True),
        ({"dotted_order": ORDER}, ROOT, None, True),
        ({"trace_id": "order-7", "dotted_order": ORDER}, "order-7", None, True),
        ({"trace_id": "order-7"}, "order-7", None, True),
        ({"trace_id": ROOT, "dotted_order": "x"}, ROOT, None, True),
        ({"parent_run_id": CHILD}, CHILD, CHILD, False),
        ({"parent_run_id": CHILD, "trace_id": LEAF}, LEAF, CHILD, False),
        ({"dotted_order": f"20261121T065947424005Z{CHILD}.20261121T065947424006Z{LEAF}.{ORDER}"}, CHILD, LEAF, False),
        ({"trace_id": CHILD, "dotted_order": f"20261121T065947424005Z{CHILD}.{ORDER}"}, CHILD, CHILD, False),
        ({"parent_run_id": ROOT}, ROOT, None, True),
        ({"trace_id": ROOT.replace("-", ""), "id": ROOT.upper()}, ROOT, None, True),
    ],
)
def test_a_creation(events_of: Events, make_run: MakeRun, said: Any, trace_id: str, parent_id: str | None, is_root: bool) -> None:  # noqa: FBT001  a table
    """Trace id, else dotted order, else parent, else itself; a root is a trace as well."""
    events = events_of("POST", "/runs", make_run(**said))

    assert (events[0].entity_id, events[0].trace_id, events[0].fields.get("parent_id")) == (ROOT, trace_id, parent_id)
    assert [event.entity for event in events] == (["observation", "trace"] if is_root else ["observation"])
    assert {event.trace_id for event in events} == {trace_id}


@pytest.mark.parametrize(
    ("said", "trace_id", "entities"),
    [
        ({"trace_id": None, "parent_run_id": None, "dotted_order": None}, ROOT, ["observation", "trace"]),
        ({"trace_id": ROOT}, ROOT, ["observation", "trace"]),
        ({"trace_id": CHILD}, CHILD, ["observation"]),
        ({"parent_run_id": CHILD}, CHILD, ["observation"]),
    ],
)
def test_an_update(events_of: Events, said: Any, trace_id: str, entities: list[str]) -> None:
    """Nulls say nothing; what names no other run is a root's."""
    events = events_of("PATCH", f"/runs/{ROOT}", {"outputs": {"o": 1}, "end_time": "2026-11-21T07:00:00Z", **said})

    assert [event.entity for event in events] == entities
    assert {(event.trace_id, event.is_update) for event in events} == {(trace_id, True)}


def test_runs_of_one_request_find_their_trace(events_of: Events, make_run: MakeRun) -> None:
    """By the parents that stand beside them, in any order; an update belongs where its creation does."""
    runs = [make_run(id=LEAF, parent_run_id=CHILD), make_run(id=CHILD, parent_run_id=ROOT), make_run()]
    events = events_of("POST", "/runs/batch", {"post": runs, "patch": [{"id": LEAF, "outputs": {"o": 1}}]})

    assert {event.trace_id for event in events} == {ROOT}
    assert [event.entity for event in events if event.is_update] == ["observation"]
    assert [event.entity_id for event in events if event.entity == "trace"] == [ROOT]


def test_parents_in_a_circle_end(events_of: Events, make_run: MakeRun) -> None:
    """Each run still has a trace, and both the same."""
    runs = [make_run(id=CHILD, parent_run_id=LEAF), make_run(id=LEAF, parent_run_id=CHILD)]
    events = events_of("POST", "/runs/batch", {"post": runs})

    assert len({event.trace_id for event in events}) == 1


def test_ids_are_one_however_they_are_spelled(events_of: Events, make_run: MakeRun) -> None:
    """`uuid.hex`, capitals and dashes are one id; 32 digits that are no UUID of version 4 or 7 stay, since others look for them."""
    foreign = "0af7651916cd13dd0448eb211c80319c"
    [created, _] = events_of("POST", "/runs", make_run(id=UUID(ROOT).hex))
    [updated, _] = events_of("PATCH", f"/runs/{ROOT.upper()}", {"outputs": {"o": 1}})

    assert created.entity_id == updated.entity_id == ROOT
    assert events_of("POST", "/runs", make_run(trace_id=foreign))[0].trace_id == foreign


def test_a_side_task_of_dify_belongs_to_its_message(events_of: Events, make_run: MakeRun) -> None:
    """Its parent is sometimes an id of a log entry that never becomes a run."""
    said = {"parent_run_id": CHILD, "file_list": [], "extra": {"metadata": {"message_id": ROOT}}}
    [event] = events_of("POST", "/runs", make_run(id=LEAF, run_type="tool", **said))

    assert (event.trace_id, event.fields["parent_id"]) == (ROOT, CHILD)


def test_a_long_chain_costs_little(send: Any, make_run: MakeRun) -> None:
    """Ten thousand runs, each the parent of the next."""
    runs = [make_run(id=f"r{number}", parent_run_id=f"r{number + 1}") for number in range(9_999)]
    outcome, _ = send("POST", "/runs/batch", {"post": runs})

    assert isinstance(outcome, Decoded)
    assert {event.trace_id for event in outcome.events} == {"r9999"}


@pytest.mark.parametrize(
    ("said", "is_assumed", "located"),
    [
        ({}, False, []),
        ({"trace_id": CHILD, "parent_run_id": CHILD}, False, []),
        ({"dotted_order": f"20261121T065947424005Z{CHILD}.{ORDER}"}, False, []),
        ({"parent_run_id": CHILD}, True, [(ROOT, CHILD)]),
    ],
)
def test_a_creation_that_names_no_trace(send: Any, make_run: MakeRun, said: Any, is_assumed: bool, located: Any) -> None:  # noqa: FBT001  a table
    """Is taken to be in its parent's, and says where it is to be found, for updates that name it alone."""
    outcome, _ = send("POST", "/runs", make_run(**said))

    assert outcome.assumed == {event.event_id for event in outcome.events if is_assumed}
    assert list(outcome.whereabouts) == located


@pytest.mark.parametrize(
    ("said", "is_assumed"),
    [
        ({}, True),
        ({"trace_id": None}, True),
        ({"trace_id": CHILD}, False),
        ({"parent_run_id": CHILD}, True),
        ({"dotted_order": ORDER}, False),
    ],
)
def test_an_update_that_names_no_trace(send: Any, said: Any, is_assumed: bool) -> None:  # noqa: FBT001  a table
    """May be about a run of another trace than the one it is taken for."""
    outcome, _ = send("PATCH", f"/runs/{ROOT}", {"outputs": {"o": 1}, **said})

    assert outcome.assumed == {event.event_id for event in outcome.events if is_assumed}
    assert list(outcome.whereabouts) == []


def test_what_a_request_says_itself_is_not_assumed(send: Any, make_run: MakeRun) -> None:
    """Runs whose root stands beside them; they may be updated by their ids alone later."""
    outcome, _ = send("POST", "/runs/batch", {"post": [make_run(id=CHILD, parent_run_id=ROOT), make_run()]})

    assert outcome.assumed == set()
    assert list(outcome.whereabouts) == [(CHILD, ROOT)]


def test_a_row_of_dify_is_never_updated(send: Any, make_run: MakeRun) -> None:
    """So nothing has to be known of where it is."""
    said = {"parent_run_id": CHILD, "file_list": [], "extra": {"metadata": {"message_id": ROOT}}}
    outcome, _ = send("POST", "/runs", make_run(id=LEAF, run_type="tool", **said))

    assert (outcome.assumed, list(outcome.whereabouts)) == (set(), [])
