"""Log records: evaluation results become scores, inference details fill their span, all else is counted. Metrics are counted."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from contract.events import RejectionCode
from ingest_gateway.adapters.base import Decoded, Limits, WireRequest
from ingest_gateway.adapters.otlp.adapter import OTLP
from ingest_gateway.adapters.otlp.grpc import decode_logs, decode_metrics

Build = Callable[..., WireRequest]

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SPAN_ID = "b7ad6b7169203331"
EVALUATION: dict[str, Any] = {
    "gen_ai.evaluation.name": {"stringValue": "relevance"},
    "gen_ai.evaluation.score.value": {"doubleValue": 0.75},
    "gen_ai.evaluation.score.label": {"stringValue": "good"},
    "gen_ai.evaluation.explanation": {"stringValue": "to the point"},
    "gen_ai.response.id": {"stringValue": "r-1"},
}


def log_body(event_name: str, attributes: dict[str, Any], **said: Any) -> bytes:
    """Return an export of one log record."""
    record = {
        "traceId": TRACE_ID,
        "spanId": SPAN_ID,
        "timeUnixNano": "1795245076000000000",
        "eventName": event_name,
        "attributes": [{"key": key, "value": value} for key, value in attributes.items()],
        **said,
    }
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).encode()


def logs(request_of: Build, body: bytes) -> Decoded:
    """Decode a log export."""
    outcome = OTLP.decode(request_of(body, path="/v1/logs"))
    assert isinstance(outcome, Decoded)
    return outcome


def test_evaluation_result_is_a_score(request_of: Build) -> None:
    """An evaluation's value, label and explanation are a score of the span it belongs to."""
    (event,) = logs(request_of, log_body("gen_ai.evaluation.result", EVALUATION)).events

    assert (event.entity, event.trace_id, event.event_time) == ("score", TRACE_ID, 1_795_245_076_000_000)
    assert event.fields == {
        "observation_id": SPAN_ID,
        "name": "relevance",
        "start_time": 1_795_245_076_000_000,
        "value": 0.75,
        "string_value": "good",
        "data_type": "NUMERIC",
        "comment": "to the point",
        "metadata": {"gen_ai.response.id": '"r-1"'},
        "source": "EVAL",
    }


def test_label_alone_is_categorical(request_of: Build) -> None:
    """Without a value the label is the score."""
    attributes = {name: value for name, value in EVALUATION.items() if not name.endswith("value")}

    (event,) = logs(request_of, log_body("gen_ai.evaluation.result", attributes)).events

    assert (event.fields["data_type"], event.fields["string_value"]) == ("CATEGORICAL", "good")


def test_retried_score_is_the_same_score(request_of: Build) -> None:
    """A score's id is made from what it says."""
    body = log_body("gen_ai.evaluation.result", EVALUATION)

    assert logs(request_of, body).events == logs(request_of, body).events


@pytest.mark.parametrize(
    ("attributes", "said", "field"),
    [
        ({}, {}, "attributes.gen_ai.evaluation.name"),
        (EVALUATION, {"traceId": ""}, "traceId"),
        ({"gen_ai.evaluation.name": {"stringValue": "x"}}, {}, "attributes.gen_ai.evaluation.score.value"),
    ],
)
def test_evaluation_that_says_too_little(request_of: Build, attributes: dict[str, Any], said: dict[str, Any], field: str) -> None:
    """A result without name, trace or score is refused by name."""
    (rejection,) = logs(request_of, log_body("gen_ai.evaluation.result", attributes, **said)).rejections

    assert (rejection.code, rejection.field) == (RejectionCode.MISSING_FIELD, f"resourceLogs[0].scopeLogs[0].logRecords[0].{field}")


def test_evaluation_as_a_span_event(export: Callable[..., Decoded], make_span: Callable[..., Any], make_event: Callable[..., Any]) -> None:
    """The same event on a span is a score too."""
    event = make_event("gen_ai.evaluation.result", {"gen_ai.evaluation.name": "x", "gen_ai.evaluation.score.value": 1})

    scores = [event for event in export(make_span(events=[event])).events if event.entity == "score"]

    assert [(score.fields["name"], score.fields["value"]) for score in scores] == [("x", 1.0)]


def test_inference_details_update_their_span(request_of: Build) -> None:
    """Content that comes as a log record fills the input and output of its span."""
    body = log_body("gen_ai.client.inference.operation.details", {"gen_ai.input.messages": {"stringValue": '[{"role":"user"}]'}})

    (event,) = logs(request_of, body).events

    assert (event.entity, event.entity_id, event.is_update) == ("observation", SPAN_ID, True)
    assert event.fields == {"input": '[{"role":"user"}]'}


def test_other_records_are_counted(request_of: Build) -> None:
    """Any other log record is accepted and counted, with or without a trace."""
    outcome = logs(request_of, log_body("gen_ai.user.message", {}, traceId=None, spanId=None))

    assert (outcome.items, outcome.statements) == ([], 1)


def test_logs_in_protobuf() -> None:
    """Protobuf gives the same score; the event's name may stand among the attributes, as before 1.5."""
    message = ExportLogsServiceRequest()
    record = message.resource_logs.add().scope_logs.add().log_records.add()
    record.trace_id, record.span_id = bytes.fromhex(TRACE_ID), bytes.fromhex(SPAN_ID)
    record.observed_time_unix_nano = 1_795_245_076_000_000_000
    for key, text in (
        ("event.name", "gen_ai.evaluation.result"),
        ("gen_ai.evaluation.name", "x"),
        ("gen_ai.evaluation.score.label", "good"),
    ):
        pair = record.attributes.add()
        pair.key, pair.value.string_value = key, text

    outcome = decode_logs(message, 1, Limits(), {})

    assert isinstance(outcome, Decoded)
    assert outcome.events[0].fields["string_value"] == "good"


def metrics_message() -> ExportMetricsServiceRequest:
    """Return an export of three data points."""
    message = ExportMetricsServiceRequest()
    metrics = message.resource_metrics.add().scope_metrics.add().metrics
    metrics.add().sum.data_points.add()
    histogram = metrics.add().histogram
    histogram.data_points.add()
    histogram.data_points.add()
    metrics.add()
    return message


def test_metrics_are_counted() -> None:
    """Metrics make no events; their data points are counted."""
    outcome = decode_metrics(metrics_message(), 1, Limits(), {})

    assert (outcome.statements, outcome.events) == (3, [])


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (metrics_message().SerializeToString(), "application/x-protobuf"),
        (
            b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":{"dataPoints":[{},{}]}},{"gauge":{"dataPoints":[{}]}}]}]}]}',
            "application/json",
        ),
    ],
)
def test_metrics_over_http(request_of: Build, body: bytes, content_type: str) -> None:
    """Both encodings are counted."""
    outcome = OTLP.decode(request_of(body, content_type, "/v1/metrics"))

    assert isinstance(outcome, Decoded)
    assert outcome.statements == 3
