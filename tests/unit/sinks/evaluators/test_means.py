"""The rolling mean of scores."""

from hypothesis import given
from hypothesis import strategies as st

from sinks.evaluators.means import LEAST_SCORES, Means


def test_a_falling_mean_is_told_once_and_again_after_it_has_recovered() -> None:
    """Not at every score that is bad."""
    means = Means()
    told = [means.add("p", "e", score, 0.5, 20) is not None for score in [1.0] * 20 + [0.0] * 20 + [1.0] * 20 + [0.0] * 20]

    assert sum(told) == 2


def test_projects_and_evaluators_have_means_of_their_own() -> None:
    """A bad one takes no other down."""
    means = Means()
    for _ in range(LEAST_SCORES):
        means.add("bad", "e", 0.0, 0.5, 100)
        assert means.add("good", "e", 1.0, 0.5, 100) is None
        assert means.add("bad", "other", 1.0, 0.5, 100) is None


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), max_size=200), st.integers(1, 50))
def test_an_alert_states_the_mean_of_the_window(scores: list[float], size: int) -> None:
    """And only below the threshold, and never of a handful."""
    means = Means()
    for number, score in enumerate(scores, 1):
        alert = means.add("p", "e", score, 0.6, size)
        if alert is not None:
            window = scores[max(0, number - size) : number]
            assert alert.mean == sum(window) / len(window) < 0.6
            assert len(window) == alert.scores >= min(LEAST_SCORES, size)
