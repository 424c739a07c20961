"""The comparison's table: rates, processor time, and ours in proportion to the peer's."""

from loadtest.peers.__main__ import Drained, table


def test_ours_stand_over_theirs_with_the_ratio() -> None:
    """Twice as fast by the wall, four times by processor time."""
    ours, theirs = Drained("ours", 1000, 1.0, 0.5), Drained("theirs", 1000, 2.0, 2.0)

    assert table("events → rows", "events", ours, theirs).splitlines() == [
        "| events → rows | events/s | events/s of one core | µs CPU each |",
        "|---|---|---|---|",
        "| ours | 1,000 | 2,000 | 500 |",
        "| theirs | 500 | 500 | 2000 |",
        "| ours ÷ theirs | 2.00 | 4.00 | |",
    ]
