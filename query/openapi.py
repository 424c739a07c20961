"""The OpenAPI 3.1 document, made from the table of routes and the structs they answer with."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec

from query.parameters import DEFAULT_LIMIT, GROUPS, MAX_LIMIT, MAX_TEXT_LENGTH, Kind, Parameter
from query.routes import ROUTES, Route
from query.shapes import FailureBody
from query.tree import Node

REF = "#/components/schemas/{name}"

_SCHEMAS: dict[Kind, dict[str, Any]] = {
    "text": {"type": "string", "minLength": 1, "maxLength": MAX_TEXT_LENGTH},
    "tags": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": MAX_TEXT_LENGTH}},
    "time": {"type": "string", "format": "date-time"},
    "limit": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    "cursor": {"type": "string"},
    "group": {"type": "string", "enum": list(GROUPS)},
}
FAILURES = {
    "400": "A parameter is unknown or cannot be used; `field` names it.",
    "401": "No key, or one that is not known here.",
    "403": "The key may not read.",
    "503": "The store is away, overloaded or too slow; try again after `Retry-After` seconds.",
}
NOT_FOUND = {"404": "Nothing is stored under this id in the key's project."}


@cache
def document() -> dict[str, Any]:
    """Return the document as a JSON object."""
    answers, schemas = msgspec.json.schema_components([*(route.answer for route in ROUTES), FailureBody, Node], ref_template=REF)
    answer_of = dict(zip((route.path for route in ROUTES), answers, strict=False))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sluice read API",
            "version": _version(),
            "description": "Traces, sessions, users, scores and metrics of one project: that of the key. Decimals are strings.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"bearer": []}, {"basic": []}, {"header": []}],
        "paths": {route.path: {"get": _operation(route, answer_of[route.path])} for route in ROUTES},
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "A key of scope read or admin."},
                "basic": {"type": "http", "scheme": "basic", "description": "The project's public key and a key."},
                "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
    }


def _version() -> str:
    try:
        return version("sluice")
    except PackageNotFoundError:
        return "0"


def _operation(route: Route, answer: dict[str, Any]) -> dict[str, Any]:
    failures = {**FAILURES, **(NOT_FOUND if route.has_id else {})}
    responses = {"200": {"description": route.summary, "content": {"application/json": {"schema": answer}}}}
    failure = {"application/json": {"schema": {"$ref": REF.format(name="FailureBody")}}}
    responses |= {status: {"description": reason, "content": failure} for status, reason in sorted(failures.items())}
    return {
        "operationId": route.read.__name__,
        "summary": route.summary,
        "parameters": [*([_id_parameter()] if route.has_id else []), *map(_parameter, route.parameters)],
        "responses": responses,
    }


def _id_parameter() -> dict[str, Any]:
    return {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The id, percent-encoded.",
        "schema": {"type": "string", "minLength": 1},
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described = {
        "name": parameter.name,
        "in": "query",
        "required": False,
        "description": parameter.doc,
        "schema": _SCHEMAS[parameter.kind],
    }
    return {**described, "style": "form", "explode": True} if parameter.kind == "tags" else described
