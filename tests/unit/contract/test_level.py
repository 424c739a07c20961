"""What a service obeys."""

import logging

import pytest

from contract.codec import codec_for
from contract.control import Directory, degradation_record
from contract.degradation import Degradation
from contract.level import ObeyedLevel

SECOND = 1_000_000


def said(directory: Directory, degradation: Degradation) -> None:
    """Have the directory hear it, over the wire format."""
    codec = codec_for(None)
    _, name, record = degradation_record(degradation)
    directory.apply(*codec.decode(codec.encode(name, record)))


def test_what_the_controller_says_is_obeyed_until_it_falls_silent() -> None:
    """A level nobody confirms is no reason to refuse anybody."""
    directory, now = Directory(), [100 * SECOND]
    obeyed = ObeyedLevel(directory, 30, lambda: now[0])
    assert obeyed.level == 0

    said(directory, Degradation(level=3, only_priority=True, at=100 * SECOND, lag_records=5, lag_seconds=1.5, controller="a"))
    assert (obeyed.level, obeyed.now().only_priority, obeyed.now().step) == (3, True, 4)

    now[0] += 31 * SECOND
    assert (obeyed.level, obeyed.now().only_priority) == (0, False)


def test_a_change_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Not every look."""
    directory = Directory()
    obeyed = ObeyedLevel(directory, 30, lambda: SECOND)
    said(directory, Degradation(level=1, at=SECOND))

    with caplog.at_level(logging.WARNING):
        assert [obeyed.level, obeyed.level] == [1, 1]

    assert [record.getMessage().split()[:3] for record in caplog.records] == [["degradation_level", "level=1", "was=0"]]
