"""The OpenAPI document says what the routes do."""

import json
import re
from typing import Any

import msgspec
import pytest

from query.openapi import document
from query.routes import ROUTES, Route

DOCUMENT = json.loads(msgspec.json.encode(document()))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_every_route_and_parameter_is_described(route: Route) -> None:
    """Names, places and meanings, and an answer's schema for 200 and for every failure."""
    operation = DOCUMENT["paths"][route.path]["get"]

    described = {(parameter["name"], parameter["in"]) for parameter in operation["parameters"]}
    expected = {(parameter.name, "query") for parameter in route.parameters} | ({("id", "path")} if route.has_id else set())
    assert described == expected
    assert all(parameter["description"] and parameter["schema"] for parameter in operation["parameters"])
    assert operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith(f"/{route.answer.__name__}")
    assert {"400", "401", "403", "503"} <= set(operation["responses"])
    assert ("404" in operation["responses"]) == route.has_id


def test_nothing_else_is_described() -> None:
    """As many paths as routes, each operation with a name of its own."""
    operations = [path["get"]["operationId"] for path in DOCUMENT["paths"].values()]

    assert len(operations) == len(set(operations)) == len(ROUTES)
    assert DOCUMENT["openapi"] == "3.1.0"


def test_every_reference_leads_somewhere() -> None:
    """No schema is missing and none is left over."""
    named = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(DOCUMENT)))

    assert named == set(DOCUMENT["components"]["schemas"])


def test_the_tree_is_described_as_nested_nodes() -> None:
    """The raw JSON of the tree has a schema all the same."""
    schemas: dict[str, Any] = DOCUMENT["components"]["schemas"]

    assert schemas["TraceDetail"]["properties"]["tree"]["items"] == {"$ref": "#/components/schemas/Node"}
    assert schemas["Node"]["properties"]["children"]["items"] == {"$ref": "#/components/schemas/Node"}
