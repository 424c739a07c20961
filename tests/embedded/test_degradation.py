"""More than goes through: the level rises, clients are told to wait, and everything acknowledged is stored."""

import functools
import json
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from contract.control import evaluators_record, limits_record
from contract.evaluation import ProjectEvaluators
from contract.limits import ProjectLimits
from sluice.embedded import running
from sluice.embedded.endpoints import Endpoints
from sluice.embedded.running import RunningStack
from tests.embedded.reading import await_that
from tests.embedded.tenants import Tenant, call, control, new_tenant

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(300)]

WITHIN_SECONDS = 90.0
BURST = 1_000
SAMPLED = 25
SETTINGS = {"MAX_QUEUE_SIZE": "10", "DEGRADATION_HOLD_SECONDS": "1", "DEGRADATION_SILENCE_SECONDS": "30"}


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack whose queue is full with ten records, and which judges outputs."""
    root = tmp_path_factory.mktemp("pressed")
    rules = root / "evaluators.json"
    rules.write_text(json.dumps({"evaluators": [{"name": "is JSON", "evaluator": "json_valid", "kinds": []}]}))
    stack = running.start(root / "stack", {**SETTINGS, "EVALUATORS_FILE": str(rules)})
    yield stack
    stack.stop()


def traces(count: int) -> list[dict[str, str]]:
    """So many traces, each a record of its own."""
    return [{"event_id": uuid.uuid4().hex, "entity": "trace", "entity_id": uuid.uuid4().hex, "name": "burst"} for _ in range(count)]


def send(where: Endpoints, tenant: Tenant, count: int) -> list[str] | None:
    """Send traces in one request; return their ids, None where the gateway said to wait."""
    events = traces(count)
    answer = call(where, "POST", "/v1/events", events, tenant.ingest_key)
    assert answer.status in (200, 429)
    if answer.status == 429:
        assert answer.headers.get("Retry-After") or answer.headers.get("retry-after")
        return None
    return [event["entity_id"] for event in events]


def is_stored(where: Endpoints, tenant: Tenant, trace_id: str) -> bool:
    """Tell whether a trace can be read."""
    return call(where, "GET", f"/api/v1/traces/{trace_id}", None, tenant.read_key).status == 200


def level(where: Endpoints) -> int:
    """Return the level that the gateway shows."""
    text = call(where, "GET", "/metrics", None, "").body.decode()
    return int(float(next(line.split()[1] for line in text.splitlines() if line.startswith("service_degradation_level "))))


def test_a_burst_is_refused_in_part_and_what_was_taken_is_stored(own_stack: RunningStack) -> None:
    """Up at once, everyone but priority is told to wait, and it comes back by itself."""
    where = own_stack.endpoints
    other, first = new_tenant(where, "other"), new_tenant(where, "first")
    control(where, limits_record(ProjectLimits(project_id="first", is_priority=True)))
    acknowledged: list[str] = []
    deadline = time.monotonic() + WITHIN_SECONDS
    while (taken := send(where, other, BURST)) is not None:
        acknowledged += taken
        assert time.monotonic() < deadline

    assert level(where) == 3
    assert send(where, first, 1) is not None
    assert await_that(lambda: level(where) == 0, WITHIN_SECONDS)
    assert send(where, other, 1) is not None
    step = max(1, len(acknowledged) // SAMPLED)
    for trace_id in acknowledged[::step]:
        assert await_that(functools.partial(is_stored, where, other, trace_id), WITHIN_SECONDS)
    log = own_stack.logs()
    assert "degradation_level level=3" in log


def judged(where: Endpoints, tenant: Tenant) -> Callable[[], list[dict[str, object]]]:
    """Send a finished generation whose output is no JSON; return what reads its scores."""
    trace_id, now = uuid.uuid4().hex, datetime.now(UTC)
    observation = {
        "entity": "observation",
        "entity_id": uuid.uuid4().hex,
        "trace_id": trace_id,
        "kind": "generation",
        "start_time": (now - timedelta(seconds=2)).isoformat(),
        "end_time": now.isoformat(),
        "output": "no JSON",
    }
    await_that(lambda: call(where, "POST", "/v1/events", [observation], tenant.ingest_key).status == 200, WITHIN_SECONDS)

    def scores() -> list[dict[str, object]]:
        answer = call(where, "GET", f"/api/v1/scores?trace_id={trace_id}", None, tenant.read_key)
        return [one | {"expected_id": observation["entity_id"]} for one in answer.json["data"]] if answer.status == 200 else []

    return scores


def test_what_is_finished_is_scored(own_stack: RunningStack) -> None:
    """The score goes the way of all scores, once; evaluators catch up after the pressure of the test before."""
    where = own_stack.endpoints
    [score] = await_that(judged(where, new_tenant(where, "judged")), WITHIN_SECONDS)
    assert (score["name"], score["value"], score["observation_id"]) == ("is JSON", 0.0, score["expected_id"])


def test_a_project_is_scored_by_what_it_says(own_stack: RunningStack) -> None:
    """Its own evaluator alone, of all there are; others go on as before."""
    where = own_stack.endpoints
    tenant = new_tenant(where, "choosy")
    own = json.dumps({"evaluators": [{"name": "short", "evaluator": "length", "kinds": [], "settings": {"max": 3}}]})
    control(where, evaluators_record(ProjectEvaluators(project_id="choosy", names=("short",), rules=own)))

    def names() -> set[object]:
        scores = judged(where, tenant)
        return {one["name"] for one in await_that(scores, WITHIN_SECONDS)}

    assert await_that(lambda: names() == {"short"}, WITHIN_SECONDS)
