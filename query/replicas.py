"""Which replica reads go to: one at a time, the next one where it does not answer."""

import threading
from collections.abc import Callable, Sequence

DOWN_SECONDS = 10.0


class Replicas:
    """The addresses that reads may go to. Threads share it.

    All reads go to the same replica while it answers, because replicas are not equally far: a page and the next one should come from
    one of them. One that failed is asked again after a while, or at once where no other answers.
    """

    def __init__(self, urls: Sequence[str], first: int, clock: Callable[[], float]) -> None:
        start = first % len(urls) if urls else 0
        self._urls: tuple[str | None, ...] = (*urls[start:], *urls[:start]) or (None,)
        self._clock = clock
        self._down_until: dict[str | None, float] = {}
        self._guard = threading.Lock()

    def in_turn(self) -> list[str | None]:
        """Return the addresses in the order to try them; None is the ClickHouse inside the process."""
        now = self._clock()
        with self._guard:
            down = {url for url, until in self._down_until.items() if until > now}
        return sorted(self._urls, key=lambda url: url in down)

    def failed(self, url: str | None) -> None:
        """Leave a replica out for a while."""
        with self._guard:
            self._down_until[url] = self._clock() + DOWN_SECONDS

    def answered(self, url: str | None) -> None:
        """Take a replica as well again."""
        if url in self._down_until:
            with self._guard:
                self._down_until.pop(url, None)
