"""Every SDK at its defaults, and Kafka away for far longer than any of them holds its data: the gateway's spool loses nothing."""

from pathlib import Path

import pytest

from sluice.embedded.endpoints import Endpoints
from tests.clients import outage

pytestmark = [pytest.mark.embedded]

AWAY_SECONDS = 30.0
"""The most patient of them, OpenTelemetry's, gives a batch up after about ten."""

EVERY_SECONDS = 1.0


def test_no_sdk_loses_anything_while_kafka_is_away(stack: Endpoints, tmp_path: Path) -> None:
    """Ten SDKs go on working through the outage; each trace is there afterwards, with one observation."""
    lasting = outage.BEFORE_SECONDS + AWAY_SECONDS + outage.AFTER_SECONDS
    with outage.kafka_away(stack, outage.BEFORE_SECONDS, AWAY_SECONDS):
        made = outage.all_speak(stack, tmp_path, lasting, EVERY_SECONDS)
    outage.compare(stack, made)

    assert all(one.traces for one in made.values())
    assert {name: one.lost for name, one in made.items() if one.lost} == {}
    assert {name: one.doubled for name, one in made.items() if one.doubled} == {}
