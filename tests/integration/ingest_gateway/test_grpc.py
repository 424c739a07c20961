"""The gRPC side over real sockets, on the same event loop as HTTP."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from contract.generated import ingest_pb2, ingest_pb2_grpc


@pytest.fixture
def channel(gateway: Any) -> Iterator[grpc.Channel]:
    """Open a channel for one test."""
    with gateway.channel() as channel:
        yield channel


@pytest.fixture
def key(ingest_key: str) -> tuple[tuple[str, str], ...]:
    """Return the metadata of a client that may write."""
    return (("authorization", f"Bearer {ingest_key}"),)


def ingest(channel: grpc.Channel) -> Any:
    return ingest_pb2_grpc.IngestStub(channel)  # type: ignore[no-untyped-call]


def otlp(channel: grpc.Channel) -> Any:
    return trace_service_pb2_grpc.TraceServiceStub(channel)  # type: ignore[no-untyped-call]


def observation(entity_id: str, **more: Any) -> ingest_pb2.Event:
    return ingest_pb2.Event(entity=ingest_pb2.ENTITY_OBSERVATION, entity_id=entity_id, trace_id="t1", **more)


def export(*span_ids: bytes) -> trace_service_pb2.ExportTraceServiceRequest:
    request = trace_service_pb2.ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for span_id in span_ids:
        scope.spans.add(trace_id=b"1" * 16, span_id=span_id, name="x", start_time_unix_nano=1_780_000_000 * 10**9)
    return request


def refused(call: Any) -> grpc.Call:
    """Return the error a call ends with."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert isinstance(caught.value, grpc.Call)
    return caught.value


def details_of(error: grpc.Call) -> dict[str, bytes]:
    """Return the binary trailers."""
    return {name: value for name, value in error.trailing_metadata() or () if isinstance(value, bytes)}


def test_each_event_has_its_outcome(gateway: Any, channel: grpc.Channel, key: Any) -> None:
    """Good ones are OK and stored; bad ones say the field and the reason."""
    request = ingest_pb2.IngestRequest(events=[observation("o1", event_id="e1"), observation("o2", kind="dream"), observation("o3")])

    answer = ingest(channel).Ingest(request, metadata=key)

    bad = answer.outcomes[1].status
    violation, info = error_details_pb2.BadRequest(), error_details_pb2.ErrorInfo()
    bad.details[0].Unpack(violation)
    bad.details[1].Unpack(info)
    assert answer.accepted == 2
    assert [outcome.status.code for outcome in answer.outcomes] == [0, 3, 0]
    assert answer.outcomes[0].event_id == "e1"
    assert (violation.field_violations[0].field, info.reason) == ("events[1].kind", "WRONG_VALUE")
    assert [event.entity_id for event in gateway.publisher.events] == ["o1", "o3"]


def test_a_stream_is_answered_in_order(gateway: Any, channel: grpc.Channel, key: Any) -> None:
    """One answer for each request, even when many wait at a time."""
    requests = [ingest_pb2.IngestRequest(events=[observation(f"o{number}", event_id=f"e{number}")]) for number in range(100)]

    answers = list(ingest(channel).IngestExchange(iter(requests), metadata=key))

    assert [answer.outcomes[0].event_id for answer in answers] == [f"e{number}" for number in range(100)]
    assert len(gateway.publisher.events) == 100


def test_a_client_stream_is_answered_once(gateway: Any, channel: grpc.Channel, key: Any) -> None:
    """The outcomes of all its requests, in order, good and bad."""
    events = [observation("o0", event_id="e0"), observation("o1", event_id="e1", kind="thought"), observation("o2", event_id="e2")]
    requests = [ingest_pb2.IngestRequest(events=[event]) for event in events]

    answer = ingest(channel).IngestStream(iter(requests), metadata=key)

    assert [(outcome.event_id, outcome.status.code == 0) for outcome in answer.outcomes] == [("e0", True), ("e1", False), ("e2", True)]
    assert answer.accepted == len(gateway.publisher.events) == 2


def test_otlp_traces_are_stored_and_bad_spans_told(gateway: Any, channel: grpc.Channel, key: Any) -> None:
    """partial_success counts the span that was refused; gzip is understood."""
    answer = otlp(channel).Export(export(b"12345678", b"short"), metadata=key, compression=grpc.Compression.Gzip)

    assert answer.partial_success.rejected_spans == 1
    assert "observation" in {event.entity for event in gateway.publisher.events}


def test_no_key_is_unauthenticated(gateway: Any, channel: grpc.Channel) -> None:
    """On every service."""
    for call in (
        lambda: otlp(channel).Export(export(b"12345678")),
        lambda: ingest(channel).Ingest(ingest_pb2.IngestRequest()),
        lambda: list(ingest(channel).IngestExchange(iter([ingest_pb2.IngestRequest()]))),
    ):
        assert refused(call).code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_read_key_is_permission_denied(gateway: Any, channel: grpc.Channel, read_key: str) -> None:
    """x-api-key carries a key as well."""
    error = refused(lambda: ingest(channel).Ingest(ingest_pb2.IngestRequest(), metadata=(("x-api-key", read_key),)))

    assert error.code() is grpc.StatusCode.PERMISSION_DENIED


def test_while_nothing_can_be_stored_calls_are_unavailable(gateway: Any, channel: grpc.Channel, key: Any) -> None:
    """RetryInfo stands in both trailers, since exporters read either."""
    gateway.publisher.away = "Kafka is away"

    error = refused(lambda: otlp(channel).Export(export(b"12345678"), metadata=key))

    trailers = details_of(error)
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert status.message == "Kafka is away"
    assert any(detail.TypeName() == "google.rpc.RetryInfo" for detail in status.details)
    assert error_details_pb2.RetryInfo.FromString(trailers["google.rpc.retryinfo-bin"]).retry_delay.seconds == 1


def test_too_many_events_are_an_invalid_argument(gateway: Any, channel: grpc.Channel, key: Any) -> None:
    """Not RESOURCE_EXHAUSTED, which exporters try again."""
    request = ingest_pb2.IngestRequest(events=[observation("o")] * 101)

    assert refused(lambda: ingest(channel).Ingest(request, metadata=key)).code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_a_message_over_the_limit_is_refused(gateway: Any, channel: grpc.Channel, key: Any, compression: grpc.Compression) -> None:
    """Before and after decompression."""
    request = ingest_pb2.IngestRequest(events=[observation("o", name="x" * 300_000)])

    error = refused(lambda: ingest(channel).Ingest(request, metadata=key, compression=compression))

    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert gateway.publisher.events == []


def test_health_follows_readiness(gateway: Any, channel: grpc.Channel) -> None:
    """Each service and the whole server turn NOT_SERVING while nothing can be stored, and back."""
    serving, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
    stub = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call]
    seen = (answer.status for answer in stub.Watch(health_pb2.HealthCheckRequest(service="sluice.v1.Ingest"), timeout=10))

    assert serving in seen
    gateway.publisher.away = "gone"
    assert not_serving in seen
    gateway.publisher.away = None
    assert serving in seen


def test_reflection_names_every_service(gateway: Any, channel: grpc.Channel) -> None:
    """Tools find their way without the proto files."""
    names = ProtoReflectionDescriptorDatabase(channel).get_services()

    assert {"sluice.v1.Ingest", "opentelemetry.proto.collector.trace.v1.TraceService", "grpc.health.v1.Health"} <= set(names)
