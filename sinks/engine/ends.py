"""Where partitions end, asked of Kafka now and then.

What the consumer knows comes with fetched records, so of a partition that is paused it stands still. The watch on progress asks Kafka
for all partitions of the group every few seconds anyway; its answers are remembered here.
"""

from collections.abc import Callable

from contract.standstill import Place, Positions
from sinks.domain.batch import Partition


class AskedEnds:
    """Asks, for whoever watches progress, and remembers; the answer is swapped in whole, so readers on other threads need no lock."""

    def __init__(self, positions: Callable[[], Positions]) -> None:
        self._positions = positions
        self._last: Positions = {}

    def __call__(self) -> Positions:
        """Ask, and return how far the group is; raises what asking raises, and then what was known before stays."""
        self._last = self._positions()
        return self._last

    def of(self, partition: Partition) -> int | None:
        """Return where a partition ended when last asked, None where nothing is known."""
        position = self._last.get(Place(*partition))
        return None if position is None else position.end
