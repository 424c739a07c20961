"""The book against the read API: some traces by id, and the totals of their sessions and users."""

from collections.abc import Callable

from loadtest.bookkeeping.reading import Reader, all_of
from loadtest.bookkeeping.verdict import Verdict
from loadtest.load.book import Book
from loadtest.load.polling import is_whole
from loadtest.load.templates import session_id, user_id


async def compare_by_id(book: Book, reader: Reader, most: int) -> Verdict:
    """Read traces from all over the run, and their sessions and users, and compare."""
    numbers = sorted(book.done)
    sample = numbers[:: max(1, len(numbers) // most)] if most else []
    verdict = Verdict(book.events)
    asked = _Asked(book, reader, verdict)
    await all_of(asked.trace(number) for number in sample)
    for path, of in (("sessions", session_id), ("users", user_id)):
        await asked.groups(path, of, {of(book.run, number) for number in sample})
    verdict.looked_at["traces by id"] = len(sample)
    return verdict


class _Asked:
    def __init__(self, book: Book, reader: Reader, verdict: Verdict) -> None:
        self._book = book
        self._reader = reader
        self._verdict = verdict

    async def trace(self, number: int) -> None:
        book, name = self._book, self._book.trace_id(number)
        found = await self._reader.get(f"traces/{name}")
        if found is None:
            self._verdict.lost.append(name)
        elif not is_whole(found, book, number):
            self._verdict.changed.append(f"{name}: {len(found['observations'])} observations, usage {found['usage']}")
        elif (owners := (found["session_id"], found["user_id"])) != (session_id(book.run, number), user_id(book.run, number)):
            self._verdict.changed.append(f"{name}: of {owners}")

    async def groups(self, path: str, of: Callable[[str, int], str], names: set[str]) -> None:
        """Compare the totals of sessions or users, all of whose traces were acknowledged."""
        book = self._book
        members: dict[str, list[int]] = {}
        for number in book.done:
            members.setdefault(of(book.run, number), []).append(number)
        certain = names - {of(book.run, number) for number in book.left}
        await all_of(self._group(f"{path}/{name}", members[name]) for name in sorted(certain))
        self._verdict.looked_at[path] = len(certain)

    async def _group(self, what: str, numbers: list[int]) -> None:
        expected = (len(numbers), *self._book.usage(numbers))
        found = await self._reader.get(what)
        if found is None:
            self._verdict.lost.append(what)
            return
        told = found["trace_count"], found["observation_count"], found["usage"]
        if told != expected:
            self._verdict.wrong_totals.append(f"{what}: {told}, should be {expected}")
