"""The compiled encoder writes what fastavro writes, for every schema Sluice has."""

from decimal import Decimal
from io import BytesIO
from typing import Any

import fastavro
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract import schemas
from contract.avro_writer import UnsupportedSchemaError, compiled

LONGS = st.integers(-(2**63), 2**63 - 1)
MONEY = st.integers(-(10**26), 10**26).map(lambda whole: Decimal(whole).scaleb(-12))
TEXT = st.text(st.characters(codec="utf-8"), max_size=80)


def values_of(schema: Any) -> st.SearchStrategy[Any]:
    """Return values of a parsed schema."""
    if isinstance(schema, list):
        return st.none() | values_of(schema[1])
    kind = schema["type"] if isinstance(schema, dict) else schema
    if isinstance(schema, dict) and schema.get("logicalType") == "decimal":
        return MONEY
    match kind:
        case "record":
            return st.fixed_dictionaries({field["name"]: values_of(field["type"]) for field in schema["fields"]})
        case "array":
            return st.lists(values_of(schema["items"]), max_size=3)
        case "map":
            return st.dictionaries(TEXT, values_of(schema["values"]), max_size=3)
    return {
        "string": TEXT,
        "bytes": st.binary(max_size=80),
        "long": LONGS,
        "int": st.integers(-(2**31), 2**31 - 1),
        "boolean": st.booleans(),
        "double": st.floats(allow_nan=False),
    }[kind]


@pytest.mark.parametrize("name", sorted(schemas.current()))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_writes_what_fastavro_writes(name: str, data: st.DataObject) -> None:
    """Byte for byte, whatever the record holds."""
    schema = schemas.current()[name]
    record = data.draw(values_of(schema))
    expected = BytesIO()
    fastavro.schemaless_writer(expected, schema, record)
    actual = bytearray()
    compiled(schema)(actual, record)
    assert bytes(actual) == expected.getvalue()


def test_absent_fields_have_their_defaults() -> None:
    """A field that is left out is null or its default, as fastavro has it."""
    schema = schemas.current()[schemas.DEAD_LETTER]
    record = {"original": b"x", "stage": "gateway", "reason": "r", "message": "m", "at": 1}
    expected = BytesIO()
    fastavro.schemaless_writer(expected, schema, record)
    actual = bytearray()
    compiled(schema)(actual, record)
    assert bytes(actual) == expected.getvalue()


@pytest.mark.parametrize("schema", [["string", "null"], ["null", "string", "long"], {"type": "enum", "name": "E", "symbols": ["A"]}])
def test_says_which_schemas_it_does_not_cover(schema: Any) -> None:
    """A schema that needs more than this raises when it is compiled, not when it is used."""
    with pytest.raises(UnsupportedSchemaError):
        compiled(fastavro.parse_schema(schema))


@pytest.mark.parametrize("amount", ["0.0000000000001", "1E+30", "NaN"])
def test_refuses_money_that_does_not_fit(amount: str) -> None:
    """More places or digits than the schema has is an error, never a rounding."""
    money = fastavro.parse_schema({"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 12})
    with pytest.raises(OverflowError):
        compiled(money)(bytearray(), Decimal(amount))


def test_refuses_numbers_that_are_no_longs() -> None:
    """2^63 does not wrap around."""
    with pytest.raises(OverflowError):
        compiled("long")(bytearray(), 2**63)
