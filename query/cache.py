"""A small memory of aggregates over closed ranges. What is kept is only answered while the stored days are unchanged."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

MAX_ENTRIES = 256


@dataclass(frozen=True, slots=True)
class _Entry:
    state: int
    expires_us: int
    value: Any


class AggregateCache:
    """The last used aggregates by what was asked. `state` is the store's own mark of the days they came from."""

    def __init__(self, ttl_us: int, max_entries: int = MAX_ENTRIES) -> None:
        self._ttl_us = ttl_us
        self._max_entries = max_entries
        self._entries: OrderedDict[Any, _Entry] = OrderedDict()

    @property
    def is_on(self) -> bool:
        """Tell whether anything is kept at all."""
        return self._ttl_us > 0

    def get(self, key: Any, state: int, now_us: int) -> Any | None:
        """Return what was kept under `key`, None where the days have changed since or it is too old."""
        entry = self._entries.get(key)
        if entry is None or entry.state != state or entry.expires_us <= now_us:
            return None
        self._entries.move_to_end(key)
        return entry.value

    def put(self, key: Any, state: int, value: Any, now_us: int) -> None:
        """Keep `value`; the one unused for longest goes where there are too many."""
        self._entries[key] = _Entry(state, now_us + self._ttl_us, value)
        self._entries.move_to_end(key)
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)
