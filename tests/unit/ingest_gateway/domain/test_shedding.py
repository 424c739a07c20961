"""Whom the gateway refuses when the pipeline is full."""

import random

from hypothesis import given
from hypothesis import strategies as st

from contract.limits import ProjectLimits
from ingest_gateway.domain.shedding import PRIORITY, SHARE, SLACK, Shedding

LIMITS = {
    "heavy": ProjectLimits(project_id="heavy", weight=3.0),
    "vip": ProjectLimits(project_id="vip", is_priority=True),
}


def run(shedding: Shedding, rates: dict[str, int], seconds: int) -> dict[str, int]:
    """Let projects send one event at a time, so many a second, in an order that is shuffled; return how many got in after the start."""
    admitted = dict.fromkeys(rates, 0)
    order = random.Random(1)
    for second in range(seconds):
        senders = [project for project, rate in rates.items() for _ in range(rate)]
        order.shuffle(senders)
        for number, project in enumerate(senders):
            now = second + number / len(senders)
            if shedding.refusal(project, now, only_priority=False) is None:
                shedding.count(project, 1, now)
                admitted[project] += second >= seconds // 2
    return admitted


def test_a_noisy_project_settles_at_its_share_and_others_do_not_notice() -> None:
    """Twenty times what the others send."""
    admitted = run(Shedding(), {"noisy": 400, "a": 20, "b": 20}, 60)

    assert admitted["a"] == admitted["b"] == 20 * 30
    assert admitted["noisy"] < 2 * admitted["a"]


def test_weights_divide_what_there_is() -> None:
    """Three times the weight, three times the share."""
    admitted = run(Shedding(LIMITS.get), {"heavy": 100, "light": 100}, 60)

    assert 2.0 < admitted["heavy"] / admitted["light"] < 4.5


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 10_000), min_size=1))
def test_somebody_always_gets_in(sent: dict[str, int]) -> None:
    """Shares add up to what was sent: not everybody can be above theirs."""
    shedding = Shedding()
    for project, events in sent.items():
        shedding.count(project, events, 0.0)
    refused = {project for project in sent if shedding.refusal(project, 0.0, only_priority=False)}

    assert refused != set(sent)
    assert all(sent[project] > SLACK * sum(sent.values()) / len(sent) for project in refused)


def test_with_a_full_queue_only_priority_gets_in() -> None:
    """Even where it is above its share."""
    shedding = Shedding(LIMITS.get)
    shedding.count("vip", 1000, 0.0)
    shedding.count("other", 1, 0.0)

    assert shedding.refusal("vip", 0.0, only_priority=True) is None
    assert shedding.refusal("vip", 0.0, only_priority=False) is None
    assert shedding.refusal("other", 0.0, only_priority=True) == PRIORITY


def test_what_was_sent_long_ago_is_forgotten() -> None:
    """A project that has been quiet gets in again."""
    shedding = Shedding()
    shedding.count("noisy", 1000, 0.0)
    shedding.count("quiet", 10, 0.0)
    assert shedding.refusal("noisy", 0.0, only_priority=False) == SHARE

    assert shedding.refusal("noisy", 120.0, only_priority=False) is None
