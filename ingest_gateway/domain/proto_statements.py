"""sluice.v1.Event, the gRPC form of a statement, as the same typed statement that JSON is decoded to."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from contract.errors import InvalidEventError
from contract.events import RejectionCode
from contract.generated import ingest_pb2
from ingest_gateway.domain.faults import invalid
from ingest_gateway.domain.statements import AnyStatement, ObservationStatement, ScoreStatement, TraceStatement

STATEMENTS: dict[int, type[AnyStatement]] = {
    ingest_pb2.ENTITY_TRACE: TraceStatement,
    ingest_pb2.ENTITY_OBSERVATION: ObservationStatement,
    ingest_pb2.ENTITY_SCORE: ScoreStatement,
}
SET_APART = frozenset({"entity", "is_update", "value", "string_value"})
LARGEST_EXACT_WHOLE = 2.0**53

_encode = msgspec.json.Encoder().encode


def statement_of(event: ingest_pb2.Event) -> AnyStatement:
    """Return the statement; raise InvalidEventError naming the field that is wrong."""
    statement = STATEMENTS.get(event.entity)
    if statement is None:
        raise InvalidEventError(RejectionCode.MISSING_FIELD, "entity is missing", "entity")
    given: dict[str, Any] = {"operation": "update" if event.is_update else "create"}
    known = statement.__struct_fields__
    for field, value in event.ListFields():
        if field.name in SET_APART:
            continue
        if field.name not in known:
            raise InvalidEventError(
                RejectionCode.UNKNOWN_FIELD, f"{field.name} is not a field of a {statement.__struct_config__.tag}", field.name
            )
        given[field.name] = _plain(field.name, value)
    given |= _score_value(event, known)
    return _typed(statement, given)


def _typed(statement: type[AnyStatement], given: dict[str, Any]) -> AnyStatement:
    """Check words and counts by the statement's types; raw JSON is set afterwards, as conversion does not know it."""
    raw = {name: given.pop(name) for name in ("input", "output", "metadata", "model_parameters") if name in given}
    try:
        said = msgspec.convert({**given, "entity": statement.__struct_config__.tag}, statement)
    except msgspec.ValidationError as error:
        raise invalid(error) from None
    for name, value in raw.items():
        setattr(said, name, value)
    return said


def _score_value(event: ingest_pb2.Event, known: tuple[str, ...]) -> dict[str, Any]:
    which = event.WhichOneof("score_value")
    if which is None:
        return {}
    if which not in known:
        raise InvalidEventError(RejectionCode.UNKNOWN_FIELD, f"{which} is a field of scores", which)
    return {which: getattr(event, which)}


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, Timestamp):
        return _moment(name, value)
    if isinstance(value, Value):
        return _raw(name, value)
    if isinstance(value, Struct):
        return {key: _raw(f"{name}.{key}", held) for key, held in value.fields.items()}
    if name == "reported_cost":
        return {unit: _decimal(f"{name}.{unit}", text) for unit, text in value.items()}
    if name == "usage":
        return dict(value)
    return list(value) if name == "tags" else value


def _moment(name: str, stamp: Timestamp) -> datetime:
    try:
        return stamp.ToDatetime(UTC)
    except (ValueError, OverflowError):
        raise InvalidEventError(RejectionCode.WRONG_VALUE, f"{name} is not a time", name) from None


def _decimal(name: str, text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise InvalidEventError(RejectionCode.WRONG_VALUE, f"{name}: {text[:40]!r} is not a decimal", name) from None


def _raw(name: str, value: Value) -> msgspec.Raw:
    try:
        return msgspec.Raw(_encode(_json_value(value)))
    except RecursionError:
        raise InvalidEventError(RejectionCode.TOO_DEEP, f"{name} nests too deep to be read", name) from None


def _json_value(value: Value) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "number_value":
            return _number(value.number_value)
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return {key: _json_value(held) for key, held in value.struct_value.fields.items()}
        case "list_value":
            return [_json_value(held) for held in value.list_value.values]
    return None


def _number(number: float) -> int | float | None:
    """Return a whole number as one, as JSON clients write it; JSON has no word for infinity or NaN."""
    if number != number or number in (float("inf"), float("-inf")):  # noqa: PLR0124  NaN is what differs from itself
        return None
    return int(number) if number.is_integer() and abs(number) <= LARGEST_EXACT_WHOLE else number
