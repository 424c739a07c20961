"""The description of the write side, made from the types that requests are decoded to."""

from functools import cache
from typing import Any

import msgspec

from ingest_gateway.domain.statements import ObservationStatement, ScoreStatement, TraceStatement

OPENAPI_PATH = "/v1/openapi.json"
REF = "#/components/schemas/{name}"
JSON_TYPES = ("application/json", "application/x-ndjson")

REJECTED = {
    "type": "object",
    "properties": {
        "index": {"type": "integer", "description": "Place in the request, from 0."},
        "event_id": {"type": ["string", "null"]},
        "code": {
            "type": "string",
            "description": "malformed, missing_field, wrong_type, wrong_value, unknown_field, too_large or too_deep.",
        },
        "field": {"type": ["string", "null"], "description": "Path within the event."},
        "message": {"type": "string"},
    },
}
ACCEPTED = {
    "type": "object",
    "required": ["accepted", "rejected"],
    "properties": {"accepted": {"type": "integer"}, "rejected": {"type": "array", "items": {"$ref": REF.format(name="Rejected")}}},
}
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "field": {"type": ["string", "null"]}},
        }
    },
}
FAILURES = {
    "400": "No event could be read, or all were rejected.",
    "401": "No key, or an unknown one.",
    "403": "The key may not write.",
    "413": "The body or the number of events is over the limit.",
    "415": "A media type or Content-Encoding that is not understood.",
    "429": "The project is over its limit; see Retry-After.",
    "503": "Nothing can be stored at the moment; see Retry-After. The same request may be sent again.",
}


@cache
def document() -> bytes:
    """Return the OpenAPI 3.1 document as JSON."""
    return msgspec.json.encode(described())


def described() -> dict[str, Any]:
    """Return the document."""
    statements = (TraceStatement, ObservationStatement, ScoreStatement)
    _, schemas = msgspec.json.schema_components(statements, ref_template=REF)
    schemas |= {"Rejected": REJECTED, "Accepted": ACCEPTED, "Error": ERROR}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sluice: writing", "version": "1", "description": "Send what an LLM application did."},
        "paths": {"/v1/events": {"post": _post_events()}},
        "components": {"schemas": schemas, "securitySchemes": _security_schemes()},
        "security": [{"bearer": []}, {"basic": []}, {"apiKey": []}],
    }


def _post_events() -> dict[str, Any]:
    event = {
        "oneOf": [{"$ref": REF.format(name=f"{name}Statement")} for name in ("Trace", "Observation", "Score")],
        "discriminator": {"propertyName": "entity"},
    }
    answers = {status: _answer(reason, "Error") for status, reason in FAILURES.items()}
    return {
        "summary": "Store events; the answer comes once they are safe",
        "description": "A JSON array of events, one event, or NDJSON; gzip, deflate and zstd are understood.",
        "requestBody": {
            "required": True,
            "content": {JSON_TYPES[0]: {"schema": {"type": "array", "items": event}}, JSON_TYPES[1]: {"schema": event}},
        },
        "responses": {
            "200": _answer("All events are stored.", "Accepted"),
            "207": _answer("The good events are stored; the others are named.", "Accepted"),
            **answers,
        },
    }


def _answer(description: str, schema: str) -> dict[str, Any]:
    return {"description": description, "content": {JSON_TYPES[0]: {"schema": {"$ref": REF.format(name=schema)}}}}


def _security_schemes() -> dict[str, Any]:
    return {
        "bearer": {"type": "http", "scheme": "bearer"},
        "basic": {"type": "http", "scheme": "basic", "description": "public key : key"},
        "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    }
