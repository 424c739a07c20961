"""Two tenants on one stack: neither can read, overwrite or use up what is the other's, whatever their requests claim."""

import base64
import hashlib
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from contract.control import key_record, limits_record
from contract.generated import ingest_pb2, ingest_pb2_grpc
from contract.keys import api_key, new_secret
from contract.limits import ProjectLimits
from sluice.embedded.endpoints import Endpoints
from tests.embedded.reading import await_that
from tests.embedded.tenants import PROTOCOLS, Tenant, call, control, forged_headers, new_tenant, uuid_of

pytestmark = [pytest.mark.embedded]

STORED_WITHIN_SECONDS = 90
REVOKED_WITHIN_SECONDS = 30


@pytest.fixture(scope="module")
def made() -> dict[str, Tenant]:
    """Hold the tenants of this module."""
    return {}


@pytest.fixture
def tenants(stack: Endpoints, made: dict[str, Tenant]) -> tuple[Tenant, Tenant]:
    """Return two tenants, made once."""
    for name in ("a", "b"):
        if name not in made:
            made[name] = new_tenant(stack, f"tenant-{name}-{uuid.uuid4().hex[:8]}")
    return made["a"], made["b"]


def trace(stack: Endpoints, tenant: Tenant, trace_id: str) -> Any:
    """Return the trace as a tenant sees it, None where there is none."""
    answer = call(stack, "GET", f"/api/v1/traces/{trace_id}", None, tenant.read_key)
    return answer.json if answer.status == 200 else None


def name_of(stack: Endpoints, tenant: Tenant, trace_id: str) -> str | None:
    """Return a trace's name as a tenant sees it; where it has none of its own, its root observation's."""
    found = trace(stack, tenant, trace_id)
    if found is None:
        return None
    names = [found["name"], *(observation["name"] for observation in found["observations"])]
    return next((name for name in names if name), None)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_one_trace_id_in_two_projects_is_two_traces(stack: Endpoints, tenants: tuple[Tenant, Tenant], protocol: str) -> None:
    """In every protocol, while each request claims to be of the other's project, in body and headers."""
    mine, other = tenants
    trace_id = uuid.uuid4().hex
    stored_id = uuid_of(trace_id) if protocol in ("langsmith", "opik") else trace_id
    for tenant, victim, name in ((mine, other, "mine"), (other, mine, "theirs")):
        method, path, body = PROTOCOLS[protocol](trace_id, name, victim.project_id)
        answer = call(stack, method, path, body, tenant.ingest_key, forged_headers(victim))
        assert answer.status < 300, answer

    assert await_that(
        lambda: name_of(stack, mine, stored_id) == "mine" and name_of(stack, other, stored_id) == "theirs", STORED_WITHIN_SECONDS
    )


def test_helicone_and_grpc_keep_tenants_apart_too(stack: Endpoints, tenants: tuple[Tenant, Tenant]) -> None:
    """By the key in the header, and by the call's metadata."""
    mine, other = tenants
    trace_id = str(uuid.uuid4())
    log = {
        "providerRequest": {"url": "custom-model-nopath", "json": {"model": "m", "_type": "tool", "toolName": "mine"}, "meta": {}},
        "providerResponse": {"headers": {}, "status": 200, "json": {"_type": "tool"}},
        "timing": {"startTime": {"seconds": 1_795_000_000, "milliseconds": 0}, "endTime": {"seconds": 1_795_000_001, "milliseconds": 0}},
    }
    headers = {"helicone-request-id": trace_id, **forged_headers(other)}
    assert call(stack, "POST", "/helicone/custom/v1/log", log, mine.ingest_key, headers).status == 200
    events = [ingest_pb2.Event(entity=ingest_pb2.ENTITY_TRACE, entity_id=trace_id, trace_id=trace_id, name="theirs")]
    metadata = (("authorization", f"Bearer {other.ingest_key}"), ("x-project-id", mine.project_id))
    with grpc.insecure_channel(stack.gateway_grpc) as channel:
        stub = ingest_pb2_grpc.IngestStub(channel)  # type: ignore[no-untyped-call]
        assert stub.Ingest(ingest_pb2.IngestRequest(events=events), metadata=metadata).accepted == 1

    assert await_that(lambda: trace(stack, mine, trace_id) and trace(stack, other, trace_id), STORED_WITHIN_SECONDS)
    assert name_of(stack, other, trace_id) == "theirs"
    assert trace(stack, other, trace_id)["observations"] == []


def test_a_project_in_a_native_event_is_refused_by_name(stack: Endpoints, tenants: tuple[Tenant, Tenant]) -> None:
    """The key alone says whose an event is."""
    mine, other = tenants
    event = {"entity": "trace", "entity_id": uuid.uuid4().hex, "name": "x", "project_id": other.project_id}

    answer = call(stack, "POST", "/v1/events", [event], mine.ingest_key)

    assert (answer.status, answer.json["error"]["code"]) == (400, "unknown_field")


def test_another_s_public_key_does_not_go_with_one_s_own(stack: Endpoints, tenants: tuple[Tenant, Tenant]) -> None:
    """Basic auth names the project twice; both must be the same."""
    mine, other = tenants
    basic = base64.b64encode(f"{other.public_key}:{mine.ingest_key}".encode()).decode()

    assert call(stack, "GET", "/api/public/projects", None, None, {"authorization": f"Basic {basic}"}).status == 401


def test_no_update_reaches_another_s_row(stack: Endpoints, tenants: tuple[Tenant, Tenant]) -> None:
    """An observation and a score with ids of another project are new ones."""
    mine, other = tenants
    trace_id, span_id = uuid.uuid4().hex, uuid.uuid4().hex
    span = {
        "entity": "observation",
        "entity_id": span_id,
        "trace_id": trace_id,
        "kind": "generation",
        "name": "mine",
        "usage": {"input": 7},
    }
    assert call(stack, "POST", "/v1/events", [span], mine.ingest_key).status == 200
    assert await_that(lambda: name_of(stack, mine, trace_id) == "mine", STORED_WITHIN_SECONDS)
    forged = [{**span, "operation": "update", "name": "overwritten", "usage": {"input": 9_999}}]
    forged += [{"entity": "trace", "entity_id": trace_id, "operation": "update", "name": "overwritten", "session_id": "theirs"}]
    assert call(stack, "POST", "/v1/events", forged, other.ingest_key).status == 200

    assert await_that(lambda: name_of(stack, other, trace_id) == "overwritten", STORED_WITHIN_SECONDS)
    seen = trace(stack, mine, trace_id)
    assert [(row["name"], row["usage"]) for row in seen["observations"]] == [("mine", {"input": 7})]
    assert (seen["name"], seen["session_id"]) == (None, None)


def test_sessions_users_and_lists_hold_one_s_own_alone(stack: Endpoints, tenants: tuple[Tenant, Tenant]) -> None:
    """The same session and user in both projects are counted apart."""
    session, traces = f"s-{uuid.uuid4().hex}", [uuid.uuid4().hex for _ in range(3)]
    for tenant, ids in zip(tenants, (traces[:1], traces[1:]), strict=True):
        events = [{"entity": "trace", "entity_id": id_, "name": "n", "session_id": session, "user_id": session} for id_ in ids]
        assert call(stack, "POST", "/v1/events", events, tenant.ingest_key).status == 200

    def counts(path: str) -> list[int]:
        answers = [call(stack, "GET", path, None, tenant.read_key) for tenant in tenants]
        return [answer.json["trace_count"] if answer.status == 200 else 0 for answer in answers]

    assert await_that(lambda: counts(f"/api/v1/sessions/{session}") == counts(f"/api/v1/users/{session}") == [1, 2], STORED_WITHIN_SECONDS)

    def listed(tenant: Tenant) -> list[bool]:
        seen = {row["id"] for row in call(stack, "GET", f"/api/v1/traces?session_id={session}", None, tenant.read_key).json["data"]}
        return [id_ in seen for id_ in traces]

    expected = [[True, False, False], [False, True, True]]
    assert await_that(lambda: [listed(tenant) for tenant in tenants] == expected, STORED_WITHIN_SECONDS)


def test_another_s_cursor_opens_nothing_of_theirs(stack: Endpoints, tenants: tuple[Tenant, Tenant]) -> None:
    """A cursor is a place in a list; whose list it is, the key says."""
    mine, other = tenants
    ids = [uuid.uuid4().hex for _ in range(4)]
    events = [{"entity": "trace", "entity_id": id_, "name": "cursor"} for id_ in ids]
    assert call(stack, "POST", "/v1/events", events, mine.ingest_key).status == 200
    listing = "/api/v1/traces?name=cursor&limit=1"
    first = await_that(lambda: call(stack, "GET", listing, None, mine.read_key).json["next_cursor"], STORED_WITHIN_SECONDS)

    page = call(stack, "GET", f"{listing}&cursor={first}", None, other.read_key)

    assert page.status in (200, 400)
    assert page.status == 400 or page.json["data"] == []


def test_media_of_another_project_are_not_there(stack: Endpoints, tenants: tuple[Tenant, Tenant]) -> None:
    """By id, by a URL that was changed, and by a URL that is for something else."""
    mine, other = tenants
    content = uuid.uuid4().bytes
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    said = {"contentType": "image/png", "contentLength": len(content), "sha256Hash": digest, "traceId": "t", "field": "input"}
    announced = call(stack, "POST", "/api/public/media", said, mine.ingest_key).json
    assert call(stack, "PUT", announced["uploadUrl"], content, None, {"content-type": "image/png"}).status == 200
    media = f"/api/public/media/{announced['mediaId']}"

    shown = call(stack, "GET", media, None, mine.read_key)
    assert call(stack, "GET", shown.json["url"], None, None).body == content
    assert call(stack, "GET", media, None, other.read_key).status == 404
    assert call(stack, "GET", media, None, mine.ingest_key).status == 403
    token = shown.json["url"].rpartition("/")[2]
    forged = base64.urlsafe_b64decode(token.partition(".")[0] + "==").replace(mine.project_id.encode(), other.project_id.encode())
    changed = f"{base64.urlsafe_b64encode(forged).decode().rstrip('=')}.{token.partition('.')[2]}"
    assert call(stack, "GET", f"/v1/objects/{changed}", None, None).status == 403
    assert call(stack, "PUT", f"/v1/objects/{token}", b"other", None).status == 403


def test_a_project_s_own_limit_holds_within_seconds_and_for_it_alone(stack: Endpoints, tenants: tuple[Tenant, Tenant]) -> None:
    """429 with a wait, or RESOURCE_EXHAUSTED; the other's events go through."""
    noisy, quiet = new_tenant(stack, f"noisy-{uuid.uuid4().hex[:8]}"), tenants[0]
    control(stack, limits_record(ProjectLimits(project_id=noisy.project_id, events_per_second=0.01)))

    def sent(tenant: Tenant) -> int:
        return call(stack, "POST", "/v1/events", [{"entity": "trace", "entity_id": uuid.uuid4().hex}] * 2, tenant.ingest_key).status

    assert await_that(lambda: sent(noisy) == 429, STORED_WITHIN_SECONDS)
    refused = call(stack, "POST", "/v1/events", [{"entity": "trace", "entity_id": "x"}], noisy.ingest_key)
    assert refused.headers["retry-after"] == "1"
    assert "over its limit of 0.01 events a second" in refused.json["error"]["message"]
    assert sent(quiet) == 200
    with grpc.insecure_channel(stack.gateway_grpc) as channel:
        stub = ingest_pb2_grpc.IngestStub(channel)  # type: ignore[no-untyped-call]
        with pytest.raises(grpc.RpcError) as caught:
            stub.Ingest(ingest_pb2.IngestRequest(), metadata=(("x-api-key", noisy.ingest_key),))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    control(stack, limits_record(ProjectLimits(project_id=noisy.project_id)))
    assert await_that(lambda: sent(noisy) == 200, STORED_WITHIN_SECONDS)


def test_a_revoked_key_stops_within_seconds_everywhere(stack: Endpoints, tenants: tuple[Tenant, Tenant]) -> None:
    """On the gateway and in the read API, directly and through the gateway; the project's other keys go on."""
    mine, _ = tenants
    secrets = {"ingest": new_secret("ingest"), "read": new_secret("read")}
    keys = [api_key(secrets["ingest"], mine.project_id, "ingest"), api_key(secrets["read"], mine.project_id, "read")]
    control(stack, *map(key_record, keys))
    uses: list[Callable[[], int]] = [
        lambda: call(stack, "POST", "/langfuse/api/public/ingestion", {"batch": []}, secrets["ingest"]).status,
        lambda: call(stack, "GET", "/api/v1/traces", None, secrets["read"]).status,
        lambda: call(stack, "GET", "/api/v1/traces", None, secrets["read"], base_url=stack.query_http).status,
    ]
    assert await_that(lambda: all(use() < 300 for use in uses), REVOKED_WITHIN_SECONDS)
    control(stack, *(key_record(key, is_revoked=True) for key in keys))

    assert await_that(lambda: [use() for use in uses] == [401, 401, 401], REVOKED_WITHIN_SECONDS)
    assert call(stack, "GET", "/api/v1/traces", None, mine.read_key).status == 200


def test_a_stream_ends_when_its_key_is_revoked(stack: Endpoints, tenants: tuple[Tenant, Tenant]) -> None:
    """Every message of a gRPC stream is authorised anew."""
    mine, _ = tenants
    secret = new_secret("ingest")
    key = api_key(secret, mine.project_id, "ingest")
    control(stack, key_record(key))
    assert await_that(lambda: call(stack, "GET", "/api/public/projects", None, secret).status == 200, REVOKED_WITHIN_SECONDS)

    def messages() -> Iterator[ingest_pb2.IngestRequest]:
        for number in range(100_000):
            yield ingest_pb2.IngestRequest(events=[ingest_pb2.Event(entity=ingest_pb2.ENTITY_TRACE, entity_id=f"{secret[-6:]}-{number}")])

    with grpc.insecure_channel(stack.gateway_grpc) as channel:
        stub = ingest_pb2_grpc.IngestStub(channel)  # type: ignore[no-untyped-call]
        answers = stub.IngestExchange(messages(), metadata=(("x-api-key", secret),), timeout=60)
        assert [next(answers).accepted for _ in range(5)] == [1] * 5
        control(stack, key_record(key, is_revoked=True))
        with pytest.raises(grpc.RpcError) as caught:
            list(answers)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
