"""The book against the tables, by id: lost, doubled, changed, unexpected rows and wrong totals. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from loadtest.bookkeeping.verdict import Verdict
from loadtest.load.book import Book
from loadtest.load.protocols import number_of
from loadtest.load.templates import Stored, session_id, user_id

Row = tuple[Any, ...]
Costs = Mapping[str, Decimal]
ZERO = Decimal(0)


class Comparison:
    """Give it observations, then traces, then sessions and users; what was not acknowledged may be there or not."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self.verdict = Verdict(book.events)
        self.verdict.refused += book.refused
        self._costs: defaultdict[str, Decimal] = defaultdict(Decimal)

    def observations(self, rows: Iterable[Row]) -> None:
        """Compare every observation: there once, with the texts, usage, kind and level last stated."""
        seen: Counter[str] = Counter()
        for name, of_trace, *values, cost in rows:
            seen[name] += 1
            self._costs[of_trace] += cost or ZERO
            expected = self._expected(name, of_trace)
            if expected is None:
                self.verdict.unexpected.append(name)
            elif self._is_done(of_trace) and (told := _differences(expected, values)):
                self.verdict.changed.append(f"{name}: {told}")
        book = self._book
        wanted = {name for number in book.done for name in book.expected(number)}
        self._missing_and_doubled("observations", wanted, seen)

    def traces(self, rows: Iterable[Row]) -> None:
        """Compare every trace: there once, of the session and user last stated, with totals that its observations add up to."""
        seen: Counter[str] = Counter()
        for name, session, user, count, usage, cost in rows:
            seen[name] += 1
            number = self._number(name)
            if number is None:
                self.verdict.unexpected.append(name)
            elif number in self._book.done:
                self._check_trace(number, (session, user), count, usage, cost)
        self._missing_and_doubled("traces", {self._book.trace_id(number) for number in self._book.done}, seen)

    def groups(self, what: str, rows: Iterable[Row]) -> None:
        """Compare sessions, or users, all of whose traces were acknowledged."""
        of = session_id if what == "sessions" else user_id
        members: defaultdict[str, list[int]] = defaultdict(list)
        for number in self._book.done:
            members[of(self._book.run, number)].append(number)
        uncertain = {of(self._book.run, number) for number in self._book.left}
        stored = {row[0]: row[1:] for row in rows}
        self.verdict.lost += [f"{what} {name}" for name in members.keys() - stored.keys()]
        for name, numbers in members.items():
            if name in stored and name not in uncertain:
                self._check_totals(f"{what} {name}", stored[name], numbers)
        self.verdict.looked_at[what] = len(stored)

    def _check_trace(self, number: int, owners: tuple[str, str], count: int, usage: dict[str, int], cost: Decimal) -> None:
        run, name = self._book.run, self._book.trace_id(number)
        if owners != (expected := (session_id(run, number), user_id(run, number))):
            self.verdict.changed.append(f"{name}: of {owners}, last said {expected}")
        self._check_totals(f"trace {name}", (1, count, usage, cost), [number])

    def _check_totals(self, what: str, stored: Row, numbers: list[int]) -> None:
        book = self._book
        cost = sum((self._costs[book.trace_id(number)] for number in numbers), ZERO)
        expected = (len(numbers), *book.usage(numbers), cost)
        found = (stored[0], stored[1], {unit: amount for unit, amount in _map(stored[2]).items() if amount}, stored[3])
        if found != expected:
            self.verdict.wrong_totals.append(f"{what}: {found}, should be {expected}")

    def _missing_and_doubled(self, what: str, wanted: set[str], seen: Counter[str]) -> None:
        self.verdict.lost += sorted(wanted - seen.keys())
        self.verdict.doubled += [f"{name}: {count} times" for name, count in seen.items() if count > 1]
        self.verdict.looked_at[what] = seen.total()

    def _number(self, name: str) -> int | None:
        """Return which trace this is; None where this run has none of that name."""
        number = number_of(self._book.run, name)
        if number is None or self._book.trace_id(number) != name:
            return None
        return number if number in self._book.done or number in self._book.left else None

    def _is_done(self, name: str) -> bool:
        return self._number(name) in self._book.done

    def _expected(self, name: str, of_trace: str) -> Stored | None:
        number = self._number(of_trace)
        if number is None:
            return None
        protocol, stored = self._book.protocol_of(number), self._book.template_of(number).stored
        index = protocol.index_of(self._book.run, number, name)
        return protocol.stored(stored[index]) if index is not None and index < len(stored) else None


def _differences(expected: Stored, values: list[Any]) -> str:
    """Return what a row says otherwise than was stated last."""
    kind, level, usage, input_md5, output_md5, has_ended = values
    pairs = {
        "kind": (kind, expected.kind),
        "level": (level, expected.level),
        "usage": (_map(usage), expected.usage),
        "input": (input_md5, expected.input_md5),
        "output": (output_md5, expected.output_md5),
        "has ended": (bool(has_ended), True),
    }
    return ", ".join(f"{name} {found}, last said {said}" for name, (found, said) in pairs.items() if said is not None and found != said)


def _map(value: Any) -> dict[str, int]:
    """Return a map column as a dict; a sum over maps comes as two lists."""
    return dict(zip(*value, strict=True)) if isinstance(value, tuple) else dict(value)
