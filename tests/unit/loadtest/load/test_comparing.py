"""The comparison finds what is lost, doubled, changed and wrongly summed, and nothing where all is well."""

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from loadtest.load import templates
from loadtest.load.book import Book
from loadtest.load.comparing import Comparison

RUN = "l0123456789"
PRICE = Decimal("0.000000000007")
Row = list[Any]


def _book(traces: int = 3) -> Book:
    book = Book(RUN, templates.pool(3, RUN, (10, 50)))
    requests = book.requests()
    while len(book.done) < traces:
        number, part = next(requests)
        book.acknowledge(number, part, 0.0, 0.0, 0.1)
    return book


def _observations(book: Book) -> list[Row]:
    rows: list[Row] = []
    for number in book.done:
        name = templates.trace_id(RUN, number)
        for index, one in enumerate(book.template_of(number).stored):
            rows.append([f"{name}-{index}", name, one.kind, one.level, one.usage, one.input_md5, one.output_md5, 1, PRICE])
    return rows


def _traces(book: Book) -> list[Row]:
    return [
        [templates.trace_id(RUN, number), templates.session_id(RUN, number), templates.user_id(RUN, number), *_totals(book, [number])]
        for number in book.done
    ]


def _totals(book: Book, numbers: list[int]) -> tuple[int, dict[str, int], Decimal]:
    stored = [one for number in numbers for one in book.template_of(number).stored]
    usage: Counter[str] = Counter()
    for one in stored:
        usage.update(one.usage)
    return len(stored), dict(usage), PRICE * len(stored)


def _compared(book: Book, observations: list[Row], traces: list[Row]) -> dict[str, list[str]]:
    comparison = Comparison(book)
    comparison.observations(map(tuple, observations))
    comparison.traces(map(tuple, traces))
    return {name: found for name, found in comparison.verdict.findings().items() if found}


def test_what_is_stored_as_it_was_said_is_good() -> None:
    """Nothing is found, and the verdict says what was looked at."""
    book = _book()
    comparison = Comparison(book)
    comparison.observations(map(tuple, _observations(book)))
    comparison.traces(map(tuple, _traces(book)))
    count, usage, cost = _totals(book, list(book.done))
    comparison.groups("sessions", [(templates.session_id(RUN, 0), 3, count, (list(usage), list(usage.values())), cost)])

    assert comparison.verdict.is_good
    assert comparison.verdict.looked_at == {"observations": count, "traces": 3, "sessions": 1}


def test_a_missing_row_is_lost_and_totals_are_wrong() -> None:
    """Also a trace whose every row is missing."""
    book = _book()
    observations = _observations(book)
    gone = observations.pop()

    found = _compared(book, observations, _traces(book)[:1])

    assert gone[0] in found["lost"]
    assert templates.trace_id(RUN, 1) in found["lost"]


def test_a_row_that_is_there_twice_is_doubled() -> None:
    """By its id, wherever it stands."""
    book = _book()
    observations = _observations(book)

    assert _compared(book, [*observations, observations[0]], _traces(book))["doubled"] == [f"{observations[0][0]}: 2 times"]


@pytest.mark.parametrize(("column", "value"), [(2, "event"), (3, "DEBUG"), (4, {"input": 1}), (5, "0"), (6, "0"), (7, 0)])
def test_a_row_with_other_content_is_changed(column: int, value: Any) -> None:
    """Kind, level, usage, texts and the end."""
    book = _book()
    observations = _observations(book)
    observations[0][column] = value

    assert len(_compared(book, observations, _traces(book))["changed"]) == 1


def test_a_row_nobody_sent_is_unexpected() -> None:
    """Of a trace that was not sent, and one too many of one that was."""
    book = _book()
    name = templates.trace_id(RUN, 0)
    more: Row = [f"{name}-99", name, "span", "", {}, "", "", 1, None]
    other: Row = [f"{RUN}-00099999-0", f"{RUN}-00099999", "span", "", {}, "", "", 1, None]

    assert _compared(book, [*_observations(book), more, other], _traces(book))["unexpected"] == [more[0], other[0]]


@pytest.mark.parametrize(("column", "value"), [(3, 1), (4, {"input": 1}), (5, Decimal(1))])
def test_a_total_that_is_not_the_sum_is_wrong(column: int, value: Any) -> None:
    """Count, usage and cost."""
    book = _book()
    traces = _traces(book)
    traces[0][column] = value

    assert len(_compared(book, _observations(book), traces)["wrong_totals"]) == 1


def test_what_was_not_acknowledged_may_be_there_or_not() -> None:
    """Neither its presence nor its absence is a finding."""
    book = _book()
    number = next(iter(book.done))
    observations, traces = _observations(book), _traces(book)
    del book.done[number]
    book.left[number] = 1

    assert not _compared(book, observations, traces)
    assert not _compared(book, [row for row in observations if row[1] != templates.trace_id(RUN, number)], traces[1:])
