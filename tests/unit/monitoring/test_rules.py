"""Alert and recording rules: valid, about series that exist, each with a runbook."""

import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from tests.unit.monitoring.promql import SCRAPED, mistakes, selectors, series_labels

ROOT = Path(__file__).parents[3]
MONITORING = ROOT / "k8s" / "monitoring"
GROUPS: list[dict[str, Any]] = yaml.safe_load((MONITORING / "rules.yaml").read_text())["groups"]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
RECORDED = {rule["record"]: frozenset[str]() for rule in RULES if "record" in rule}
ALERTS = [rule for rule in RULES if "alert" in rule]
KNOWN = {**series_labels(), **RECORDED}

RULE_KEYS = {frozenset({"record", "expr"}), frozenset({"alert", "expr", "for", "labels", "annotations"})}
TEMPLATE_LABEL = re.compile(r"\$labels\.(\w+)")
TEMPLATE_WORDS = re.compile(r"\{\{[^}]*\|\s*(\w+)\s*\}\}")
FORMATTERS = {"humanize", "humanizePercentage", "humanizeDuration", "humanize1024"}


def name_of(rule: dict[str, Any]) -> str:
    return str(rule.get("alert") or rule.get("record"))


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_a_rule_asks_for_what_exists(rule: dict[str, Any]) -> None:
    """The expression parses, its series exist and have the labels it names."""
    assert list(mistakes(rule["expr"], KNOWN)) == []


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_a_rule_has_the_shape_prometheus_takes(rule: dict[str, Any]) -> None:
    """No unknown field, durations that are durations, names without a space."""
    assert frozenset(rule) in RULE_KEYS
    assert re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", name_of(rule))
    if "alert" in rule:
        promql_parser.parse_duration(rule["for"])
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}


def test_groups_and_rules_are_named_once() -> None:
    """A name that stands twice hides one of the two."""
    names = [group["name"] for group in GROUPS] + [name_of(rule) for rule in RULES]

    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("alert", ALERTS, ids=name_of)
def test_a_description_names_labels_its_series_have(alert: dict[str, Any]) -> None:
    """A label that is aggregated away would be shown as nothing."""
    text = " ".join(alert["annotations"].values())
    available = SCRAPED.union(*(KNOWN[series] for series, _ in selectors(alert["expr"])))

    assert set(TEMPLATE_LABEL.findall(text)) <= available
    assert set(TEMPLATE_WORDS.findall(text)) <= FORMATTERS


@pytest.mark.parametrize("alert", ALERTS, ids=name_of)
def test_an_alert_has_a_runbook(alert: dict[str, Any]) -> None:
    """The link leads to a section of the page, which says what to do."""
    page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    sections = re.split(r"^#+ (.+)$", (ROOT / page).read_text(), flags=re.MULTILINE)
    bodies = {title.lower(): body for title, body in zip(sections[1::2], sections[2::2], strict=True)}

    assert anchor == alert["alert"].lower()
    assert len(bodies.get(anchor, "").split()) > 10


def test_every_objective_is_watched_over_several_windows() -> None:
    """A page needs a short and a long window, so that it neither sleeps nor stays."""
    for alert in ("SluiceStoredLateFast", "SluiceRefusingFast"):
        [rule] = [rule for rule in ALERTS if rule["alert"] == alert]
        assert {series.rpartition("_")[2] for series, _ in selectors(rule["expr"])} == {"5m", "30m", "1h", "6h"}


def test_the_operator_gets_the_same_groups() -> None:
    """`prometheus-rule.yaml` is `rules.yaml` for the Prometheus operator: copy the groups where one has changed."""
    wrapped = yaml.safe_load((MONITORING / "prometheus-rule.yaml").read_text())

    assert wrapped["kind"] == "PrometheusRule"
    assert wrapped["spec"]["groups"] == GROUPS
