"""sluice.v1.Ingest: the events of POST /v1/events, typed; the same rules, the same rejections."""

from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2

from contract.errors import InvalidEventError
from contract.events import Event, Rejection, RejectionCode, Source
from contract.generated import ingest_pb2
from ingest_gateway.adapters.base import Decoded, Failure, FailureKind, Limits
from ingest_gateway.domain.proto_statements import statement_of
from ingest_gateway.domain.statements import event_of, trace_statements

PROTOCOL = "native-grpc"
ERROR_DOMAIN = "sluice"
OK, INVALID_ARGUMENT = 0, 3
ACCEPTED = status_pb2.Status(code=OK)


def decode(request: ingest_pb2.IngestRequest, received_at: int, limits: Limits) -> Decoded | Failure:
    """Read the events of a request."""
    if len(request.events) > limits.max_events:
        return Failure(kind=FailureKind.TOO_LARGE, message=f"more than {limits.max_events} events in one request", field="events")
    items = [_item(index, event, received_at, limits) for index, event in enumerate(request.events)]
    about_traces = trace_statements([item for item in items if isinstance(item, Event)])
    return Decoded(items=[*items, *about_traces], source=Source(PROTOCOL), statements=len(items))


def encode(request: ingest_pb2.IngestRequest, decoded: Decoded) -> ingest_pb2.IngestResponse:
    """Answer with one outcome for each event, in order."""
    refused = {rejection.index: rejection for rejection in decoded.rejections}
    stored = [item.event_id for item in decoded.items[: decoded.statements] if isinstance(item, Event)]
    event_ids = iter(stored)
    outcomes = [
        _refused(refused[index]) if index in refused else ingest_pb2.EventOutcome(event_id=next(event_ids), status=ACCEPTED)
        for index in range(len(request.events))
    ]
    return ingest_pb2.IngestResponse(outcomes=outcomes, accepted=len(stored))


def _item(index: int, event: ingest_pb2.Event, received_at: int, limits: Limits) -> Event | Rejection:
    if event.ByteSize() > limits.max_event_bytes:
        return _rejection(index, event, InvalidEventError(RejectionCode.TOO_LARGE, f"the event is over {limits.max_event_bytes} bytes"))
    try:
        return event_of(statement_of(event), received_at, limits)
    except InvalidEventError as error:
        return _rejection(index, event, error)


def _rejection(index: int, event: ingest_pb2.Event, fault: InvalidEventError) -> Rejection:
    return Rejection(
        index=index,
        code=RejectionCode(fault.code),
        message=str(fault),
        field=fault.field,
        event_id=event.event_id or None,
        entity_id=event.entity_id or event.trace_id or None,
        original=event.SerializeToString(),
    )


def _refused(rejection: Rejection) -> ingest_pb2.EventOutcome:
    info = error_details_pb2.ErrorInfo(reason=rejection.code.name, domain=ERROR_DOMAIN)
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field=f"events[{rejection.index}].{rejection.field or ''}".rstrip("."), description=rejection.message)
    status = status_pb2.Status(code=INVALID_ARGUMENT, message=rejection.message)
    for detail in (bad, info):
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return ingest_pb2.EventOutcome(event_id=rejection.event_id or "", status=status)
