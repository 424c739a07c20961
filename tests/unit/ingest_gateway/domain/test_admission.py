"""What is let in: bytes held at a time, and what each project may send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.limits import ProjectLimits, Rates
from ingest_gateway.domain.admission import Admission, Holding


def test_what_is_held_is_bounded() -> None:
    """And there is room again once it is released."""
    holding = Holding(100)
    with holding.hold("a") as first, holding.hold("b") as second:
        assert first.more(80)
        assert not second.more(21)
        assert second.more(20)

    assert holding.held_bytes == 0


def test_a_request_that_is_alone_always_fits() -> None:
    """Also where it grows piece by piece."""
    holding = Holding(100)
    with holding.hold("a") as alone:
        assert alone.more(90)
        assert alone.more(90)


def test_one_project_leaves_room_for_others() -> None:
    """It gets no more than its share, unless with a single request."""
    holding = Holding(100, project_share=0.5)
    with holding.hold("noisy") as first, holding.hold("noisy") as second, holding.hold("quiet") as other:
        assert first.more(40)
        assert not second.more(20)
        assert other.more(50)


def test_no_limit_is_the_default() -> None:
    """Whatever is sent."""
    admission = Admission()
    admission.take("p", 0.0, events=10**9, size_bytes=10**12)

    assert admission.refusal("p", 0.0) is None


def test_who_is_over_its_rate_waits_for_what_it_sent() -> None:
    """200 events at 10 a second, 50 of them as a burst: 15 s."""
    admission = Admission(Rates(events_per_second=10), burst_seconds=5)
    assert admission.refusal("p", 0.0) is None
    admission.take("p", 0.0, events=200)

    refusal = admission.refusal("p", 0.0)

    assert refusal is not None
    assert (refusal.what, refusal.wait_seconds) == ("events", 15.0)
    assert "10 events a second" in str(refusal)
    assert admission.refusal("p", 15.1) is None


def test_a_project_s_limit_is_nobody_else_s() -> None:
    """Each has buckets of its own."""
    admission = Admission(Rates(bytes_per_second=10), burst_seconds=1)
    admission.take("noisy", 0.0, size_bytes=1000)

    assert admission.refusal("noisy", 0.0) is not None
    assert admission.refusal("quiet", 0.0) is None


def test_a_project_s_own_limit_goes_before_the_setting_and_may_change() -> None:
    """A rate it does not state is the setting's; 0 lifts it."""
    own = {"p": ProjectLimits(project_id="p", events_per_second=1)}
    admission = Admission(Rates(events_per_second=100, bytes_per_second=7), 1.0, own.get)
    assert admission.rates_of("p") == Rates(events_per_second=1, bytes_per_second=7)
    admission.take("p", 0.0, events=50)
    assert admission.refusal("p", 0.0) is not None

    own["p"] = ProjectLimits(project_id="p", events_per_second=0)
    assert admission.refusal("p", 0.0) is None


@pytest.mark.parametrize("rate", [1.0, 37.5, 1000.0])
@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 500)), min_size=1, max_size=60))
def test_no_more_comes_in_than_rate_and_burst_allow_and_one_request(rate: float, requests: list[tuple[float, int]]) -> None:
    """Over any time, for any arrivals."""
    admission = Admission(Rates(events_per_second=rate), burst_seconds=2)
    now, admitted, last = 0.0, 0, 0
    for pause, events in requests:
        now += pause
        if admission.refusal("p", now) is None:
            admission.take("p", now, events=events)
            admitted, last = admitted + events, events

    assert admitted - last <= rate * (now + 2) + 1e-6
