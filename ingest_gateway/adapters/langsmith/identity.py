"""Which trace a run belongs to, under which parent, and whether it is the trace's root.

`dotted_order` names every run from the root to this one: segments joined by a dot, each a start time and an id. Runs that a client
creates by hand, and most of Dify's, come without it and without a trace id; then what the same request says of other runs helps,
else the parent is taken for the root, and an update that names nothing for a root's. Such a trace is assumed: the processors, which
are told where each run was made, send on what turns out to belong elsewhere.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ingest_gateway.adapters.langsmith.wire import Run

DASHED = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
BARE = re.compile(r"[0-9a-f]{12}[47][0-9a-f]{3}[89ab][0-9a-f]{15}", re.ASCII)
"""A UUID of version 4 or 7 without dashes, as `uuid.hex` writes it; other 32 hex digits are a trace id of OpenTelemetry."""
DASHED_LENGTH, BARE_LENGTH = 36, 32


class Stated(NamedTuple):
    """What a run says of its place."""

    run_id: str
    trace_id: str | None
    parent_id: str | None
    is_root: bool


class Place(NamedTuple):
    """Where a run belongs."""

    trace_id: str
    parent_id: str | None
    is_root: bool
    is_assumed: bool


class Found(NamedTuple):
    """A run's trace, as far as a request tells."""

    trace_id: str
    is_assumed: bool


def canonical(text: str) -> str:
    """Return a UUID in its usual spelling, and any other id as it is: clients spell one id in more than one way."""
    if len(text) == DASHED_LENGTH:
        lowered = text.lower()
        return lowered if DASHED.fullmatch(lowered) else text
    if len(text) == BARE_LENGTH:
        bare = text.lower()
        if BARE.fullmatch(bare):
            return f"{bare[:8]}-{bare[8:12]}-{bare[12:16]}-{bare[16:20]}-{bare[20:]}"
    return text


def path_in(dotted_order: str | None, run_id: str) -> list[str]:
    """Return the ids from the root to this run; nothing where the text is no dotted order, or another run's."""
    if not dotted_order:
        return []
    ids = []
    for segment in dotted_order.split("."):
        _, mark, run = segment.partition("Z")
        if not mark or not run:
            return []
        ids.append(canonical(run))
    return ids if ids[-1] == run_id else []


def stated_of(run: Run, run_id: str, group_id: str | None, *, is_update: bool) -> Stated:
    """Return what `run` says of its place; `group_id` is the trace of a run that names only a parent."""
    path = path_in(run.dotted_order, run_id)
    trace_id = canonical(run.trace_id) if run.trace_id else (path[0] if path else None)
    parent_id = canonical(run.parent_run_id) if run.parent_run_id else (path[-2] if len(path) > 1 else None)
    if parent_id == run_id:
        parent_id = None
    if parent_id is not None:
        return Stated(run_id, trace_id or group_id, parent_id, is_root=False)
    return Stated(run_id, trace_id, None, is_root=not is_update or trace_id == run_id or len(path) == 1)


def known_of(all_stated: Iterable[Stated]) -> dict[str, Stated]:
    """Return what a request says of each run, taking the statement that says most."""
    known: dict[str, Stated] = {}
    for stated in all_stated:
        held = known.get(stated.run_id)
        if held is None or _weight(stated) > _weight(held):
            known[stated.run_id] = stated
    return known


def _weight(stated: Stated) -> tuple[bool, bool, bool]:
    return stated.trace_id is not None, stated.parent_id is not None, stated.is_root


def place_of(stated: Stated, known: Mapping[str, Stated], found: dict[str, Found]) -> Place:
    """Return the place of a run; `found` keeps the traces that were found in this request."""
    best = known.get(stated.run_id, stated)
    parent_id = stated.parent_id or best.parent_id
    trace_id, is_assumed = Found(stated.trace_id, is_assumed=False) if stated.trace_id else trace_of(stated.run_id, known, found)
    is_root = parent_id is None and (stated.is_root or best.is_root or trace_id == stated.run_id)
    return Place(trace_id, parent_id, is_root, is_assumed)


def trace_of(run_id: str, known: Mapping[str, Stated], found: dict[str, Found]) -> Found:
    """Return the trace of a run by way of its parents, as far as they are known."""
    walked: list[str] = []
    while run_id not in found:
        found[run_id] = Found(run_id, is_assumed=True)  # a chain that leads back here ends here
        walked.append(run_id)
        stated = known.get(run_id)
        if stated is None:
            break
        if stated.trace_id is not None:
            found[run_id] = Found(stated.trace_id, is_assumed=False)
            break
        if stated.parent_id is None:
            found[run_id] = Found(run_id, is_assumed=not stated.is_root)
            break
        run_id = stated.parent_id
    trace = found[run_id]
    for each in walked:
        found[each] = trace
    return trace
