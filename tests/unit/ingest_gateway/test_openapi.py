"""The write side's description covers what is there."""

import json

from ingest_gateway.adapters.native import NATIVE
from ingest_gateway.domain.statements import ObservationStatement
from ingest_gateway.openapi import described, document


def test_every_native_route_is_described() -> None:
    """By path and method."""
    paths = described()["paths"]

    assert {(route.path, route.method.lower()) for route in NATIVE.routes} == {
        (path, method) for path, held in paths.items() for method in held
    }


def test_every_field_of_a_statement_is_described() -> None:
    """Since the schema is made from the type."""
    properties = described()["components"]["schemas"]["ObservationStatement"]["properties"]

    assert set(properties) == {"entity", *ObservationStatement.__struct_fields__}


def test_every_reference_leads_somewhere() -> None:
    """No schema is named that is not there."""
    text = document().decode()
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}

    assert named <= set(json.loads(text)["components"]["schemas"])
