"""When days become cold and when they go."""

import datetime as dt

import pytest

from contract.errors import SettingsError
from contract.retention import ProjectRetention, Retention
from sinks.cold.policy import ColdPolicy
from sinks.cold.settings import ColdSettings

TODAY = dt.date(2026, 11, 21)


def test_settings_hold_for_projects_that_say_nothing() -> None:
    """Seven days stay hot, and everything is kept."""
    policy = ColdPolicy(default=Retention(hot_days=7, retention_days=0))

    assert (policy.cold_before("p1", TODAY), policy.kept_from("p1", TODAY)) == (dt.date(2026, 11, 14), dt.date.min)


def test_a_project_may_say_either_of_its_own() -> None:
    """What it leaves out is the settings'."""
    own = {"p1": ProjectRetention(project_id="p1", hot_days=30), "p2": ProjectRetention(project_id="p2", retention_days=10)}
    policy = ColdPolicy(default=Retention(hot_days=7, retention_days=90), projects=own)

    assert policy.of("p1") == Retention(hot_days=30, retention_days=90)
    assert policy.of("p2") == Retention(hot_days=7, retention_days=10)
    assert policy.kept_from("p2", TODAY) == dt.date(2026, 11, 11)


def test_a_project_may_keep_for_ever_what_others_lose() -> None:
    """Zero is a statement of its own."""
    own = {"p1": ProjectRetention(project_id="p1", retention_days=0)}

    assert ColdPolicy(default=Retention(hot_days=7, retention_days=90), projects=own).kept_from("p1", TODAY) == dt.date.min


def test_more_days_than_there_were_keep_everything() -> None:
    """No date lies before the first."""
    policy = ColdPolicy(default=Retention(hot_days=36_500 * 100, retention_days=36_500 * 100))

    assert policy.cold_before("p1", TODAY) == dt.date.min


@pytest.mark.parametrize(("cron", "schedule"), [("0 0 * * *", "0 0 * * *"), ("off", None)])
def test_the_schedule_may_be_off(cron: str, schedule: str | None) -> None:
    """Then the mover runs when it is asked to."""
    assert ColdSettings(cron=cron).schedule == schedule


def test_a_schedule_that_is_none_is_refused() -> None:
    """At start, with the variable's name."""
    with pytest.raises(SettingsError, match="COLD_CRON"):
        ColdSettings(cron="every night")
