"""Real clients send a nested trace; the read API returns its tree, its exact cost and the totals."""

import json
import time
import uuid
from decimal import Decimal
from typing import Any

import grpc
import pytest
from genai_prices import Usage, calc_price
from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from langfuse import propagate_attributes
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AnyValue

from contract.generated import ingest_pb2, ingest_pb2_grpc
from contract.rows import to_money
from sluice.embedded.endpoints import Endpoints
from tests.embedded.langfuse_client import langfuse_client
from tests.embedded.reading import await_that, await_trace, get

pytestmark = [pytest.mark.embedded]

WITHIN_SECONDS = 15.0
"""Patience on a machine that does other things; how fast it is, two seconds at most, is the benchmarks' to say."""


def expected_cost(model: str, provider: str, **usage: int) -> Decimal:
    """Return the catalogue's price, to 12 places."""
    return to_money(calc_price(Usage(**usage), model, provider_id=provider).total_price)


def tree_of(trace: Any) -> dict[str, Any]:
    """Return the tree by name, for traces whose names are unique."""
    names = {observation["id"]: observation["name"] for observation in trace["observations"]}

    def branch(nodes: list[Any]) -> dict[str, Any]:
        return {names[node["id"]]: branch(node["children"]) for node in nodes}

    return branch(trace["tree"])


def by_name(trace: Any) -> dict[str, Any]:
    """Return the observations by name."""
    return {observation["name"]: observation for observation in trace["observations"]}


def assert_totals(stack: Endpoints, session_id: str, user_id: str, cost: Decimal, usage: dict[str, int], observations: int) -> None:
    """The session's and the user's totals are this one trace's."""

    def complete() -> bool:
        for path in (f"/api/v1/sessions/{session_id}", f"/api/v1/users/{user_id}"):
            group = get(stack, path)
            assert (group["trace_count"], group["observation_count"]) == (1, observations), path
            assert group["usage"] == usage, path
            assert Decimal(group["total_cost"]) == cost, path
        return True

    await_that(complete, WITHIN_SECONDS)


def test_the_langfuse_sdk(stack: Endpoints) -> None:
    """The newest SDK, pointed at Sluice by URL and key: agent → tool and generation with cached input."""
    session_id, user_id = f"lf-{uuid.uuid4().hex}", f"ada-{uuid.uuid4().hex}"
    usage = {"input": 1200, "output": 310, "cache_read_input_tokens": 800}

    with langfuse_client(stack, "e2e") as client:
        assert client.auth_check()
        with propagate_attributes(session_id=session_id, user_id=user_id, tags=["blue", "beta"], trace_name="support chat"):
            with client.start_as_current_observation(
                as_type="agent", name="assistant", input={"question": "Why?"}, metadata={"tier": "gold"}
            ) as root:
                with client.start_as_current_observation(as_type="tool", name="look-up", input={"id": 7}) as tool:
                    tool.update(output=[1, 2, 3])
                with client.start_as_current_observation(
                    as_type="generation", name="answer", model="gpt-4o", input=[{"role": "user", "content": "Why?"}]
                ) as answer:
                    answer.update(output="Because.", usage_details=usage, model_parameters={"temperature": 0.2})
                root.update(output={"answer": "Because."})
            trace_id = root.trace_id
        client.flush()
    cost = expected_cost("gpt-4o", "openai", input_tokens=2000, cache_read_tokens=800, output_tokens=310)
    trace = await_trace(stack, trace_id, 3, WITHIN_SECONDS)

    assert tree_of(trace) == {"assistant": {"look-up": {}, "answer": {}}}
    assert (trace["name"], trace["session_id"], trace["user_id"], trace["tags"]) == ("support chat", session_id, user_id, ["beta", "blue"])
    assert trace["environment"] == "e2e"
    seen = by_name(trace)
    assert [seen[name]["kind"] for name in ("assistant", "look-up", "answer")] == ["agent", "tool", "generation"]
    assert (seen["assistant"]["input"], seen["assistant"]["output"]) == ({"question": "Why?"}, {"answer": "Because."})
    assert seen["assistant"]["metadata"]["tier"] == "gold"
    assert seen["answer"]["usage"] == {"input": 1200, "output": 310, "cache_read_input": 800}
    assert (Decimal(seen["answer"]["total_cost"]), seen["answer"]["cost_source"]) == (cost, "catalogue")
    assert Decimal(trace["total_cost"]) == cost
    assert_totals(stack, session_id, user_id, cost, {"input": 1200, "output": 310, "cache_read_input": 800}, 3)


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_the_opentelemetry_sdk(stack: Endpoints, transport: str) -> None:
    """The plain SDK with GenAI attributes, over OTLP/HTTP and OTLP/gRPC: inclusive counts are made disjoint and paid once."""
    session_id, user_id = f"otel-{uuid.uuid4().hex}", f"user-{uuid.uuid4().hex}"
    provider = TracerProvider(resource=Resource.create({"service.name": "shop", "deployment.environment.name": "e2e"}))
    provider.add_span_processor(BatchSpanProcessor(exporter_for(stack, transport)))
    tracer = provider.get_tracer("opentelemetry.instrumentation.openai_v2", "2.3b0")
    shared: dict[str, AnyValue] = {"session.id": session_id, "user.id": user_id}

    with tracer.start_as_current_span("invoke_agent shop", attributes={"gen_ai.operation.name": "invoke_agent", **shared}) as root:
        attributes: dict[str, AnyValue] = {
            **shared,
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
            "gen_ai.request.temperature": 0.5,
            "gen_ai.usage.input_tokens": 1500,
            "gen_ai.usage.cache_read.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 200,
            "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}]),
        }
        with tracer.start_as_current_span("chat gpt-4o-mini", kind=SpanKind.CLIENT, attributes=attributes):
            pass
        with tracer.start_as_current_span(
            "execute_tool search", attributes={"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}
        ):
            pass
        trace_id = f"{root.get_span_context().trace_id:032x}"
    assert provider.force_flush()
    cost = expected_cost("gpt-4o-mini", "openai", input_tokens=1500, cache_read_tokens=1000, output_tokens=200)
    trace = await_trace(stack, trace_id, 3, WITHIN_SECONDS)

    [(root_name, children)] = tree_of(trace).items()
    assert len(children) == 2
    assert (trace["session_id"], trace["user_id"], trace["environment"]) == (session_id, user_id, "e2e")
    [chat] = [observation for observation in trace["observations"] if observation["kind"] == "generation"]
    assert (chat["model"], chat["requested_model"], chat["provider"]) == ("gpt-4o-mini-2024-07-18", "gpt-4o-mini", "openai")
    assert chat["usage"] == {"input": 500, "cache_read_input": 1000, "output": 200}
    assert chat["model_parameters"]["temperature"] == 0.5
    assert Decimal(chat["total_cost"]) == cost
    assert {observation["kind"] for observation in trace["observations"]} == {"agent", "generation", "tool"}
    assert root_name
    assert_totals(stack, session_id, user_id, cost, {"input": 500, "cache_read_input": 1000, "output": 200}, 3)
    provider.shutdown()


def exporter_for(stack: Endpoints, transport: str) -> SpanExporter:
    """Return the SDK's own exporter."""
    key = {"authorization": f"Bearer {stack.ingest_key}"}
    if transport == "grpc":
        return GrpcSpanExporter(endpoint=stack.gateway_grpc, headers=key, insecure=True)
    return HttpSpanExporter(endpoint=f"{stack.otlp_http}/v1/traces", headers=key)


def test_a_grpc_client(stack: Endpoints) -> None:
    """sluice.v1.Ingest: a trace, its spans and a generation in one request, outcomes one by one."""
    trace_id, session_id, user_id = uuid.uuid4().hex, f"grpc-{uuid.uuid4().hex}", f"bob-{uuid.uuid4().hex}"
    now = Timestamp()
    now.FromNanoseconds(time.time_ns())
    observation = ingest_pb2.ENTITY_OBSERVATION
    messages = Value()
    messages.list_value.append("Hi")
    parameters = Struct()
    parameters["max_tokens"] = 64
    events = [
        ingest_pb2.Event(
            entity=ingest_pb2.ENTITY_TRACE,
            entity_id=trace_id,
            trace_id=trace_id,
            name="nightly",
            session_id=session_id,
            user_id=user_id,
            start_time=now,
        ),
        ingest_pb2.Event(
            entity=observation, entity_id=f"{trace_id}-1", trace_id=trace_id, kind="chain", name="pipeline", start_time=now, end_time=now
        ),
        ingest_pb2.Event(
            entity=observation,
            entity_id=f"{trace_id}-2",
            trace_id=trace_id,
            parent_id=f"{trace_id}-1",
            kind="generation",
            name="summarise",
            model="claude-sonnet-4-5",
            provider="anthropic",
            usage={"input": 4000, "cache_write_input": 1000, "output": 250},
            input=messages,
            model_parameters=parameters,
            start_time=now,
            end_time=now,
        ),
    ]
    with grpc.insecure_channel(stack.gateway_grpc) as channel:
        answer = ingest_pb2_grpc.IngestStub(channel).Ingest(  # type: ignore[no-untyped-call]
            ingest_pb2.IngestRequest(events=events), metadata=[("authorization", f"Bearer {stack.ingest_key}")], timeout=5
        )
    cost = expected_cost("claude-sonnet-4-5", "anthropic", input_tokens=5000, cache_write_tokens=1000, output_tokens=250)
    trace = await_trace(stack, trace_id, 2, WITHIN_SECONDS)

    assert (answer.accepted, [outcome.status.code for outcome in answer.outcomes]) == (3, [0, 0, 0])
    assert tree_of(trace) == {"pipeline": {"summarise": {}}}
    assert by_name(trace)["summarise"]["input"] == ["Hi"]
    assert Decimal(trace["total_cost"]) == cost
    assert_totals(stack, session_id, user_id, cost, {"input": 4000, "cache_write_input": 1000, "output": 250}, 2)
