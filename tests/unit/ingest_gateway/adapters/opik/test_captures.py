"""What opik 2.2.122, and the calls of Dify's tracer on opik 1.11.14, sent; the goldens hold every field."""

import json
from pathlib import Path

import msgspec
import pytest

from contract.keys import Project
from ingest_gateway.adapters.base import Decoded, WireRequest
from ingest_gateway.adapters.opik.adapter import OPIK

GOLDEN = Path(__file__).parents[4] / "golden" / "opik"
BODIES = sorted(str(path.relative_to(GOLDEN)) for path in GOLDEN.rglob("*.body.json"))
RECEIVED_AT = 1_795_245_300_000_000


def test_there_are_captures() -> None:
    """An empty folder proves nothing."""
    assert len(BODIES) > 25


@pytest.mark.parametrize("name", BODIES)
def test_golden(name: str) -> None:
    """Every field of every event of a capture is as it was reviewed, and so is the status."""
    expected = json.loads((GOLDEN / name.replace(".body.", ".expected.")).read_text())
    request = WireRequest(
        method=expected["method"],
        path=expected["path"],
        headers=expected["headers"],
        body=(GOLDEN / name).read_bytes(),
        received_at=RECEIVED_AT,
        project=Project("p", "P", "pk"),
    )

    outcome = OPIK.decode(request)

    assert isinstance(outcome, Decoded)
    assert outcome.rejections == []
    assert json.loads(msgspec.json.encode(outcome.events)) == expected["events"]
    assert OPIK.encode(request, outcome).status == expected["status"]
    assert (outcome.source.sdk_name, outcome.source.sdk_version) == ("opik-python", expected["headers"]["x-opik-debug-sdk-version"])
    assert OPIK.decode(request) == outcome, "a repetition is the same statement"
