"""The sinks' settings and command line."""

import pytest

from contract.errors import SettingsError
from sinks.__main__ import EXIT_SETTINGS, main
from sinks.app import batches_per_topic
from sinks.settings import read


def test_defaults_make_a_policy() -> None:
    """Milliseconds become seconds, and the largest batch is never below the smallest."""
    settings = read({"BATCH_SIZE": "30000", "WRITE_INTERVAL_MS": "250"})

    policy = settings.sink.flush_policy()

    assert (policy.batch_rows, policy.max_batch_rows, policy.write_interval_seconds) == (30_000, 30_000, 0.25)


def test_mistakes_of_every_part_are_told_at_once() -> None:
    """Kafka's, ClickHouse's and the sink's own, each once."""
    wrong = {"BATCH_SIZE": "0", "TOPIC_PARTITIONS": "x", "CLICKHOUSE_SEND_TIMEOUT_SECONDS": "999", "BATCH_SIZ": "5"}

    with pytest.raises(SettingsError) as raised:
        read(wrong)

    assert len(raised.value.mistakes) == 4


def test_wrong_settings_end_the_process_with_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is started."""
    monkeypatch.setenv("BATCH_SIZE", "many")

    assert main(["clickhouse"]) == EXIT_SETTINGS
    assert "BATCH_SIZE='many': expected a whole number" in capsys.readouterr().err


@pytest.mark.parametrize(("interval_ms", "seconds"), [("100", 0.5), ("2000", 2.0)])
def test_totals_may_wait_longer_and_never_less(interval_ms: str, seconds: float) -> None:
    """Half a second, unless everything may wait longer."""
    totals = read({"WRITE_INTERVAL_MS": interval_ms}).sink.totals_policy()

    assert totals.write_interval_seconds == seconds


@pytest.mark.parametrize(("writers", "lanes"), [(1, 1), (5, 1), (8, 2), (64, 13)])
def test_writers_are_shared_among_topics(writers: int, lanes: int) -> None:
    """At least one lane a topic."""
    assert batches_per_topic(writers) == lanes
