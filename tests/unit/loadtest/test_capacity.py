"""The model of what a rate needs."""

import pytest

from loadtest.capacity import COSTS, EVENTS_A_REQUEST, cores_of, fitted, needs


def test_the_fit_gives_back_both_loads() -> None:
    """Otherwise the model would not even know what it was made of."""
    cost = fitted(444, 72)

    assert cost.at(1) == pytest.approx(444)
    assert cost.at(EVENTS_A_REQUEST) == pytest.approx(72)


@pytest.mark.parametrize("service", sorted(COSTS))
def test_larger_requests_are_never_dearer(service: str) -> None:
    """What a request costs of itself is shared by its events."""
    found = [cores_of(service, 10_000, events) for events in (1, 2, 5, 20, 50)]

    assert found == sorted(found, reverse=True)
    assert COSTS[service].event_us > 0


def test_ten_times_the_rate_needs_about_ten_times_as_much() -> None:
    """But for what is needed at any rate, and for rounding up."""
    small, large = needs(100_000), needs(1_000_000)

    assert large.workers == pytest.approx(10 * small.workers, rel=0.05)
    assert large.partitions >= large.workers
    assert large.usd == pytest.approx(10 * small.usd, rel=0.1)


def test_a_small_rate_has_two_of_everything_that_restarts() -> None:
    """One process that restarts must not be an outage."""
    found = needs(10)

    assert (found.gateways, found.workers, found.sinks, found.brokers, found.clickhouse_servers) == (2, 2, 2, 3, 1)
