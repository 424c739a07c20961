"""Traces told by other protocols are accepted whole, and are stored under the ids and with the usage that the book expects."""

import time
from random import Random

import msgspec
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from contract.events import Event
from ingest_gateway.adapters import native_grpc
from ingest_gateway.adapters.base import Limits
from loadtest.load import protocols, templates, traffic
from loadtest.load.book import Book
from loadtest.load.protocols import MIX, NATIVE, OTLP, PROTOCOLS, mixed, number_of
from loadtest.load.templates import Statement, Template, filled

RUN = "0123456789ab"


def _template(seed: int = 2) -> Template:
    random = Random(seed)
    return templates.template(traffic.trace(random), RUN, (10, 50), random)


def _said(template: Template, number: int) -> list[Statement]:
    return [one for body in template.bodies for one in msgspec.json.decode(filled(body, number, template.seconds, time.time()))]


@pytest.mark.parametrize("name", list(PROTOCOLS))
@pytest.mark.parametrize("number", [0, 7, 12_345_678])
def test_ids_lead_back_to_the_number(name: str, number: int) -> None:
    """Of the trace, and of its observations; another trace's are not taken for its own."""
    protocol = PROTOCOLS[name]

    assert number_of(RUN, protocol.trace_id(RUN, number)) == number
    assert protocol.index_of(RUN, number, protocol.observation_id(RUN, number, 3)) == 3
    assert protocol.index_of(RUN, number + 1, protocol.observation_id(RUN, number, 3)) is None


def test_ids_of_others_are_nobodys() -> None:
    """Another run's, and what is no id at all."""
    assert number_of(RUN, "ffffffffffff-00000001") is None
    assert number_of(RUN, f"{RUN}-x") is None
    assert PROTOCOLS[NATIVE].index_of(RUN, 1, "other") is None


def test_ten_traces_are_told_by_all() -> None:
    """In the proportion of the mix."""
    assert [mixed(number).name for number in range(10, 20)] == list(MIX)


def test_grpc_is_accepted_whole() -> None:
    """Every event, under its own ids."""
    said = _said(_template(), 3)
    decoded = native_grpc.decode(protocols.grpc(said), 1_790_000_000_000_000, Limits())
    events = [item for item in decoded.items if isinstance(item, Event)]  # type: ignore[union-attr]

    assert not decoded.rejections  # type: ignore[union-attr]
    assert {event.event_id for event in events} >= {one["event_id"] for one in said}
    assert {event.entity_id for event in events if event.entity == "observation"} == set(Book(RUN, [_template()]).expected(3))


def test_langfuse_keeps_creates_and_updates_apart() -> None:
    """As many events as statements, an update of what was created as a generation."""
    said = _said(_template(), 1)
    batch = msgspec.json.decode(protocols.langfuse(said))["batch"]
    kinds = {event["type"] for event in batch}

    assert len(batch) == len(said)
    assert {"trace-create", "generation-create", "generation-update", "agent-create"} <= kinds


def test_otlp_is_one_span_an_observation() -> None:
    """Create and update together, under hexadecimal ids, the root without a parent."""
    template = _template()
    request = ExportTraceServiceRequest.FromString(protocols.otlp(_said(template, 2), RUN, 2))
    spans = request.resource_spans[0].scope_spans[0].spans
    protocol = PROTOCOLS[OTLP]

    assert {span.span_id.hex() for span in spans} == {protocol.observation_id(RUN, 2, index) for index in range(len(template.stored))}
    assert {span.trace_id.hex() for span in spans} == {protocol.trace_id(RUN, 2)}
    assert sum(1 for span in spans if not span.parent_span_id) == 1
    assert all(span.end_time_unix_nano >= span.start_time_unix_nano for span in spans)


def test_others_count_what_was_cached_as_input() -> None:
    """And that is what is expected to be stored of them."""
    said = templates.Stored(usage={"input": 5, "cache_read_input": 2}, kind="generation", level="", input_md5="a", output_md5="b")

    assert PROTOCOLS[OTLP].stored(said).usage == {"input": 7}
    assert PROTOCOLS[OTLP].stored(said).kind is None
    assert PROTOCOLS[NATIVE].stored(said) == said
