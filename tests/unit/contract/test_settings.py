"""Settings: every mistake at once, by name, secrets never shown."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from contract.errors import SettingsError
from contract.kafka import KafkaSettings
from contract.secrets import MASK
from contract.settings import described, env, load
from contract.store import StoreSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One variable of each kind."""

    batch_size: int = env("BATCH_SIZE")
    poison_ratio: float = env("POISON_RATIO_LIMIT")
    data_dir: Path = env("SLUICE_DATA_DIR")
    log_format: str = env("LOG_FORMAT")


def test_defaults_hold_where_nothing_is_set() -> None:
    """An empty environment is a valid one."""
    assert load(Sample, {}).batch_size == 500


def test_values_are_read_as_their_types() -> None:
    """Text becomes number, path and choice."""
    settings = load(Sample, {"BATCH_SIZE": "7", "POISON_RATIO_LIMIT": "0.25", "SLUICE_DATA_DIR": "x/y", "LOG_FORMAT": "json"})

    assert Sample(batch_size=7, poison_ratio=0.25, data_dir=Path("x/y"), log_format="json") == settings


def test_every_mistake_is_reported_at_once() -> None:
    """Wrong type, out of range, not a choice and misspelt: four lines, each with the variable's name."""
    with pytest.raises(SettingsError) as caught:
        load(Sample, {"BATCH_SIZE": "many", "POISON_RATIO_LIMIT": "1.5", "LOG_FORMAT": "xml", "BATCH_SZIE": "5"})

    assert [mistake.replace("1.0", "1") for mistake in caught.value.mistakes] == [
        "BATCH_SZIE: unknown variable, did you mean BATCH_SIZE?",
        "BATCH_SIZE='many': expected a whole number",
        "POISON_RATIO_LIMIT='1.5': must be at most 1",
        "LOG_FORMAT='xml': must be one of text, json",
    ]


@pytest.mark.parametrize("name", ["WRITE_INTERVAL_SM", "KAFKA_BOOTSTRAP_SERVER", "SLUICE_DATADIR", "SLUICE_ANYTHING"])
def test_a_variable_meant_for_sluice_but_unknown_is_refused(name: str) -> None:
    """A typo is an error, not a default."""
    with pytest.raises(SettingsError, match=name):
        load(Sample, {name: "1"})


@pytest.mark.parametrize("name", ["PATH", "HOME", "LANG", "PYTHONPATH", "AWS_REGION", "KAFKA_OPTS", "LOGNAME", "S3_BUCKET_NAME"])
def test_other_programs_variables_are_left_alone(name: str) -> None:
    """What is not nearly ours is none of our business."""
    assert load(Sample, {name: "whatever"}) == Sample()


def test_secrets_are_masked_where_settings_are_shown() -> None:
    """Neither a password nor a URL that may hold one reaches the log."""
    shown = described(load(KafkaSettings, {"KAFKA_SASL_PASSWORD": "hunter2"})) | described(
        load(StoreSettings, {"CLICKHOUSE_URL": "http://u:hunter2@h:8123"})
    )

    assert (shown["KAFKA_SASL_PASSWORD"], shown["CLICKHOUSE_URL"]) == (MASK, MASK)
    assert "hunter2" not in repr(shown)
