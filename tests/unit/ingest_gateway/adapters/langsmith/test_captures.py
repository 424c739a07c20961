"""What langsmith 0.14.17 and 0.10.5 (JavaScript), and the calls of Dify's tracer on langsmith 0.7.38, sent; goldens hold every field."""

import json
from pathlib import Path

import msgspec
import pytest

from contract.keys import Project
from ingest_gateway.adapters.base import Decoded, WireRequest
from ingest_gateway.adapters.langsmith.adapter import LANGSMITH

GOLDEN = Path(__file__).parents[4] / "golden" / "langsmith"
BODIES = sorted(str(path.relative_to(GOLDEN)) for path in GOLDEN.rglob("*.body.*"))
RECEIVED_AT = 1_795_245_300_000_000


def test_there_are_captures() -> None:
    """An empty folder proves nothing."""
    assert len(BODIES) > 20


@pytest.mark.parametrize("name", BODIES)
def test_golden(name: str) -> None:
    """Every field of every event of a capture is as it was reviewed, and so is the status."""
    expected = json.loads((GOLDEN / name).with_name(f"{Path(name).name.partition('.')[0]}.expected.json").read_text())
    request = WireRequest(
        method=expected["method"],
        path=expected["path"],
        headers=expected["headers"],
        body=(GOLDEN / name).read_bytes(),
        received_at=RECEIVED_AT,
        project=Project("p", "P", "pk"),
    )

    outcome = LANGSMITH.decode(request)

    assert isinstance(outcome, Decoded)
    assert outcome.rejections == []
    assert json.loads(msgspec.json.encode(outcome.events)) == expected["events"]
    assert LANGSMITH.encode(request, outcome).status == expected["status"]
    assert outcome.source.sdk_name == ("langsmith-js" if name.startswith("js/") else "langsmith-py")
    assert outcome.source.sdk_version in ("0.14.17", "0.10.5", "0.7.38")
    assert LANGSMITH.decode(request) == outcome, "a repetition is the same statement"
