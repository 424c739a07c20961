"""What helicone-helpers 1.2.1 and helicone-async 1.1.1 sent; the goldens hold every field."""

import json
from pathlib import Path

import msgspec
import pytest

from contract.keys import Project
from ingest_gateway.adapters.base import Decoded, WireRequest
from ingest_gateway.adapters.helicone.adapter import HELICONE

GOLDEN = Path(__file__).parents[4] / "golden" / "helicone"
BODIES = sorted(path.name for path in GOLDEN.glob("*.body.*"))
RECEIVED_AT = 1_795_245_300_000_000


def test_there_are_captures() -> None:
    """An empty folder proves nothing."""
    assert len(BODIES) == 6


@pytest.mark.parametrize("name", BODIES)
def test_golden(name: str) -> None:
    """Every field of every event of a capture is as it was reviewed, and so is the answer."""
    expected = json.loads((GOLDEN / f"{name.partition('.')[0]}.expected.json").read_text())
    request = WireRequest(
        method=expected["method"],
        path=expected["path"],
        headers=expected["headers"],
        body=(GOLDEN / name).read_bytes(),
        received_at=RECEIVED_AT,
        project=Project("p", "P", "pk"),
    )

    outcome = HELICONE.decode(request)

    assert isinstance(outcome, Decoded)
    assert outcome.rejections == []
    assert json.loads(msgspec.json.encode(outcome.events)) == expected["events"]
    answer = HELICONE.encode(request, outcome)
    assert (answer.status, answer.body.decode()) == (expected["status"], expected["answer"])
    assert [outcome.source.protocol, outcome.source.sdk_name, outcome.source.sdk_version] == expected["source"]
    assert HELICONE.decode(request) == outcome, "a repetition is the same statement"
