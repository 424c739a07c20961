"""Tenants made on the running stack, and requests of theirs in every protocol."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contract.codec import Codec
from contract.control import key_record, project_record, publish
from contract.kafka import KafkaSettings, producer
from contract.keys import Project, Scope, api_key, new_public_key, new_secret
from sluice.embedded.endpoints import Endpoints
from tests.embedded.reading import await_that

KNOWN_WITHIN_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Tenant:
    """A project and its keys, secrets in the clear."""

    project_id: str
    public_key: str
    ingest_key: str
    read_key: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What a request came back with."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body, read as JSON."""
        return json.loads(self.body)


def control(stack: Endpoints, *records: tuple[str, str, dict[str, Any]]) -> None:
    """Write to the control topic, as the command line does."""
    publish(records, producer(KafkaSettings(bootstrap_servers=stack.kafka), client_id="test", timeout_ms=8000, linger_ms=0), Codec())


def new_tenant(stack: Endpoints, project_id: str) -> Tenant:
    """Make a project with keys, and wait until gateway and read API know them."""
    secrets: dict[Scope, str] = {"ingest": new_secret("ingest"), "read": new_secret("read")}
    project = Project(project_id, project_id, new_public_key())
    control(stack, project_record(project), *(key_record(api_key(secret, project_id, scope)) for scope, secret in secrets.items()))
    tenant = Tenant(project_id, project.public_key, secrets["ingest"], secrets["read"])
    await_that(lambda: call(stack, "POST", "/v1/events", b"[]", tenant.ingest_key).status != 401, KNOWN_WITHIN_SECONDS)
    await_that(lambda: call(stack, "GET", "/api/v1/traces", None, tenant.read_key).status == 200, KNOWN_WITHIN_SECONDS)
    return tenant


def call(
    stack: Endpoints,
    method: str,
    path: str,
    body: Any,
    key: str | None,
    headers: Mapping[str, str] | None = None,
    base_url: str | None = None,
) -> Sent:
    """Make one request of the gateway; anything but bytes is sent as JSON."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    shown = {"authorization": f"Bearer {key}"} if key else {}
    url = path if path.startswith("http") else f"{base_url or stack.gateway_http}{path}"
    request = urllib.request.Request(url, data, {"content-type": "application/json", **shown, **(headers or {})}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Sent(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Sent(error.code, {name.lower(): value for name, value in error.headers.items()}, error.read())


def now() -> str:
    """Return the time as RFC 3339."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def uuid_of(hexadecimal: str) -> str:
    """Return 32 hexadecimal digits in a UUID's shape."""
    return "-".join((hexadecimal[:8], hexadecimal[8:12], hexadecimal[12:16], hexadecimal[16:20], hexadecimal[20:]))


def native(trace_id: str, name: str, _forged: str) -> tuple[str, str, Any]:
    """Return POST /v1/events about a trace; this protocol has no place for a project."""
    return "POST", "/v1/events", [{"event_id": f"{trace_id}-e", "entity": "trace", "entity_id": trace_id, "name": name}]


def otlp(trace_id: str, name: str, forged: str) -> tuple[str, str, Any]:
    """Return an OTLP export that names a project in its resource and its span."""
    said = [
        {"key": key, "value": {"stringValue": forged}}
        for key in ("project_id", "langfuse.project.id", "service.name", "openinference.project.name")
    ]
    nanos = str(time.time_ns())
    span = {
        "traceId": trace_id,
        "spanId": trace_id[:16],
        "name": name,
        "startTimeUnixNano": nanos,
        "endTimeUnixNano": nanos,
        "attributes": said,
    }
    return "POST", "/v1/traces", {"resourceSpans": [{"resource": {"attributes": said}, "scopeSpans": [{"spans": [span]}]}]}


def langfuse(trace_id: str, name: str, forged: str) -> tuple[str, str, Any]:
    """Return a Langfuse batch that names a project in the batch, the body and the metadata."""
    body = {"id": trace_id, "name": name, "timestamp": now(), "projectId": forged, "metadata": {"projectId": forged}}
    entry = {"id": f"{trace_id}-e", "type": "trace-create", "timestamp": now(), "body": body}
    return "POST", "/api/public/ingestion", {"batch": [entry], "metadata": {"public_key": forged, "projectId": forged}}


def langsmith(trace_id: str, name: str, forged: str) -> tuple[str, str, Any]:
    """Return a LangSmith run that names a session (a project), a tenant and a reference."""
    run_id = uuid_of(trace_id)
    project = {"session_id": uuid_of(trace_id), "session_name": forged, "tenant_id": forged}
    run = {"id": run_id, "trace_id": run_id, "dotted_order": f"20261121T000000000000Z{run_id}", "name": name, "run_type": "chain"}
    return "POST", "/langsmith/runs", {**run, "start_time": now(), "end_time": now(), **project}


def opik(trace_id: str, name: str, forged: str) -> tuple[str, str, Any]:
    """Return an Opik trace that names a project; its workspace stands in a header."""
    trace = {"id": uuid_of(trace_id), "name": name, "start_time": now(), "project_name": forged, "project_id": uuid_of(trace_id)}
    return "POST", "/opik/api/v1/private/traces/batch", {"traces": [trace]}


PROTOCOLS = {"native": native, "otlp": otlp, "langfuse": langfuse, "langsmith": langsmith, "opik": opik}


def forged_headers(other: Tenant) -> dict[str, str]:
    """Return every header in which some client names a project, an organisation or a workspace, with another's names."""
    names = (
        "x-project-id",
        "x-sluice-project",
        "x-tenant-id",
        "x-organization-id",
        "langsmith-project",
        "langsmith-tenant",
        "comet-workspace",
    )
    more = ("projectname", "x-langfuse-public-key", "x-langfuse-project-id", "helicone-organization-id", "x-scope-orgid")
    return dict.fromkeys((*names, *more), other.project_id) | {"x-langfuse-public-key": other.public_key}
