"""The course of a lag under scaling."""

import msgspec

from loadtest.scale_workers.course import Course, Moment, complaints, markdown, plot


def course(lag: list[int], **changed: object) -> Course:
    """A run of 60 s: the peak from 10 to 50, more workers started at 20 and ready at 25, alone at 55."""
    moments = [
        Moment(at=at, workers=3 if 20 <= at < 55 else 1, lag_records=waiting, lag_seconds=waiting / 100, requests=10)
        for at, waiting in enumerate(lag)
    ]
    good = Course(
        worker_cores=0.2,
        base_events_per_second=200,
        peak_events_per_second=1700,
        events=20,
        peak_at=10,
        started_at=20,
        ready_at=25,
        peak_ended_at=50,
        alone_at=55,
        is_calm=True,
        moments=moments,
        statuses={200: 400},
        found=[],
        ledgers=["core: all there"],
    )
    return msgspec.structs.replace(good, **changed)


GROWS_AND_FALLS = [3] * 10 + [100 * second for second in range(1, 16)] + [max(5, 1500 - 100 * second) for second in range(25)] + [4] * 10


def test_a_lag_that_grows_with_one_and_falls_with_three_is_good() -> None:
    """While the peak goes on."""
    assert complaints(course(GROWS_AND_FALLS)) == []


def test_a_run_that_shows_nothing_is_told() -> None:
    """One worker that keeps up, or three that do not help."""
    assert "one worker kept up" in complaints(course([3] * 60))[0]
    assert "did not fall" in complaints(course([3] * 10 + [100 * second for second in range(50)]))[0]


def test_answers_other_than_success_and_a_lag_that_comes_back_are_told() -> None:
    """With one worker again the base load must go through."""
    found = complaints(course(GROWS_AND_FALLS, statuses={200: 1, 0: 2, 503: 3}, is_calm=False))
    assert found == [
        "2 requests were answered not at all",
        "3 requests were answered 503",
        "one worker did not keep up with the base load in the end",
    ]


def test_the_page_has_a_row_a_phase_and_the_plot_a_curve_a_figure() -> None:
    """For a person."""
    run = course(GROWS_AND_FALLS, found=["something"])
    assert "| three workers, peak | 25 | 5 records, 0.1 s | 1,500 records, 15.0 s |" in markdown(run)
    assert "**wrong: something**" in markdown(run)
    assert plot(run).count("<polyline") == 4
