"""The same traces as other clients tell them: Langfuse's batches, OTLP, Sluice's gRPC. Pure.

Which protocol tells the n-th trace follows from n, and so do its ids; OTLP's are hexadecimal. Langfuse's and OTLP's clients here count
tokens read from a cache as input.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from contract.generated import ingest_pb2
from loadtest.load import templates
from loadtest.load.templates import Statement, Stored

NATIVE, LANGFUSE, OTLP, GRPC = "native", "langfuse", "otlp", "grpc"
MIX = (NATIVE, LANGFUSE, OTLP, GRPC, NATIVE, LANGFUSE, OTLP, NATIVE, LANGFUSE, GRPC)
OPERATIONS = {"generation": "chat", "tool": "execute_tool", "agent": "invoke_agent"}
LANGFUSE_TYPES = {"generation": "generation", "span": "span", "agent": "agent", "tool": "tool", "chain": "chain", "retriever": "retriever"}


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a client names things, and how what it tells is stored."""

    name: str

    def trace_id(self, run: str, number: int) -> str:
        """Return the id of the n-th trace."""
        return f"{run}{number:020d}" if self.name == OTLP else templates.trace_id(run, number)

    def observation_id(self, run: str, number: int, index: int) -> str:
        """Return the id of one of its observations."""
        return f"{number:08d}{index + 1:08d}" if self.name == OTLP else f"{templates.trace_id(run, number)}-{index}"

    def index_of(self, run: str, number: int, observation_id: str) -> int | None:
        """Return which observation of the n-th trace this is; None where it is none of it."""
        head = f"{number:08d}" if self.name == OTLP else f"{templates.trace_id(run, number)}-"
        last = observation_id.removeprefix(head)
        if last == observation_id or not last.isdecimal():
            return None
        return int(last) - (self.name == OTLP)

    def stored(self, said: Stored) -> Stored:
        """Return how an observation is stored: what this protocol words otherwise is not compared."""
        if self.name == NATIVE:
            return said
        usage = dict(said.usage)
        if self.name != GRPC and "cache_read_input" in usage:
            usage = {**usage, "input": usage.get("input", 0) + usage["cache_read_input"]}
            del usage["cache_read_input"]
        return replace(said, usage=usage, kind=None, level=None, input_md5=None, output_md5=None)


PROTOCOLS = {name: Protocol(name) for name in (NATIVE, LANGFUSE, OTLP, GRPC)}


def only_native(_number: int) -> Protocol:
    """Tell every trace by the native protocol."""
    return PROTOCOLS[NATIVE]


def mixed(number: int) -> Protocol:
    """Tell traces by all protocols in turn."""
    return PROTOCOLS[MIX[number % len(MIX)]]


def number_of(run: str, trace_id: str) -> int | None:
    """Return which trace of the run has this id; None where none has."""
    last = trace_id.removeprefix(run)
    digits = last.removeprefix("-")
    return int(digits) if last != trace_id and digits.isdecimal() and len(digits) in (8, 20) else None


def langfuse(said: list[Statement]) -> bytes:
    """Return the body of a batch."""
    return msgspec.json.encode({"batch": [_langfuse_event(one) for one in said], "metadata": {"sdk_name": "load", "sdk_version": "1"}})


def _langfuse_event(said: Statement) -> dict[str, Any]:
    is_update = said.get("operation") == "update"
    if said["entity"] == "trace":
        names = {"entity_id": "id", "name": "name", "session_id": "sessionId", "user_id": "userId", "tags": "tags", **_SAME}
        kind = "trace-create"
    else:
        names = {"entity_id": "id", "trace_id": "traceId", "parent_id": "parentObservationId", **_LANGFUSE_NAMES, **_SAME}
        # an update names no kind: that of what it updates; only generations are streamed here
        kind = f"{LANGFUSE_TYPES[said.get('kind', 'generation')]}-{'update' if is_update else 'create'}"
    body = _renamed(said, names)
    if usage := said.get("usage"):
        details = {"input": usage.get("input", 0) + usage.get("cache_read_input", 0), "output": usage.get("output", 0)}
        body["usageDetails"] = {unit: count for unit, count in details.items() if count}
    return {"id": said["event_id"], "type": kind, "timestamp": said["event_time"], "body": body}


_SAME = {"input": "input", "output": "output", "metadata": "metadata", "environment": "environment"}
_LANGFUSE_NAMES = {
    "name": "name",
    "start_time": "startTime",
    "end_time": "endTime",
    "completion_start_time": "completionStartTime",
    "model": "model",
    "level": "level",
    "status_message": "statusMessage",
}


def _renamed(said: Statement, names: Mapping[str, str]) -> dict[str, Any]:
    return {theirs: said[ours] for ours, theirs in names.items() if ours in said}


def grpc(said: list[Statement]) -> ingest_pb2.IngestRequest:
    """Return a request of sluice.v1.Ingest."""
    request = ingest_pb2.IngestRequest()
    for one in said:
        known = {name: value for name, value in one.items() if name not in ("entity", "operation")}
        event = json_format.ParseDict(known, request.events.add())
        event.entity = ingest_pb2.ENTITY_TRACE if one["entity"] == "trace" else ingest_pb2.ENTITY_OBSERVATION
        event.is_update = one.get("operation") == "update"
    return request


def otlp(said: list[Statement], run: str, number: int) -> bytes:
    """Return an export of a trace's spans; what is told in two statements is one span, as exporters send it."""
    protocol, merged, owner = PROTOCOLS[OTLP], dict[str, Statement](), dict[str, str]()
    for one in said:
        if one["entity"] == "observation":
            merged[one["entity_id"]] = {**merged.get(one["entity_id"], {}), **one}
        owner |= {name: one[name] for name in ("session_id", "user_id") if name in one}
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.extend(
        [_attribute("service.name", "load"), _attribute("deployment.environment.name", templates.ENVIRONMENT)]
    )
    spans = resource.scope_spans.add().spans
    for name, one in merged.items():
        span = _span(one, owner)
        span.trace_id = bytes.fromhex(protocol.trace_id(run, number))
        span.span_id = bytes.fromhex(protocol.observation_id(run, number, _index(name)))
        if "parent_id" in one:
            span.parent_span_id = bytes.fromhex(protocol.observation_id(run, number, _index(one["parent_id"])))
        spans.append(span)
    return request.SerializeToString()


def _index(observation_id: str) -> int:
    return int(observation_id.rpartition("-")[2])


def _span(said: Statement, owner: Mapping[str, str]) -> Span:
    usage = said.get("usage", {})
    attributes = {
        "gen_ai.operation.name": OPERATIONS.get(said["kind"]),
        "gen_ai.request.model": said.get("model"),
        "gen_ai.provider.name": said.get("provider"),
        "gen_ai.usage.input_tokens": usage.get("input", 0) + usage.get("cache_read_input", 0) if usage else None,
        "gen_ai.usage.output_tokens": usage.get("output"),
        "gen_ai.input.messages": _messages(said.get("input")),
        "gen_ai.output.messages": _messages(said.get("output")),
        "session.id": owner.get("session_id"),
        "user.id": owner.get("user_id"),
    }
    span = Span(name=said["name"], kind=Span.SPAN_KIND_CLIENT, start_time_unix_nano=_nanos(said["start_time"]))
    span.end_time_unix_nano = _nanos(said["end_time"])
    span.attributes.extend(_attribute(name, value) for name, value in attributes.items() if value is not None)
    if "status_message" in said:
        span.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message=said["status_message"]))
    return span


def _messages(payload: Any) -> str | None:
    return None if payload is None else msgspec.json.encode(payload).decode()


def _attribute(name: str, value: str | int) -> KeyValue:
    return KeyValue(key=name, value=AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value))


def _nanos(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000) * 1_000_000
