"""What waits in a consumer group's partitions, from offsets alone. Pure: `now` and the offsets are given."""

from collections import deque

from contract.degradation import Pressure
from contract.standstill import Place, Position, Positions

MOST_SAMPLES = 600


class Backlog:
    """Remembers where partitions ended when, and so how long ago what waits first stood there."""

    def __init__(self) -> None:
        self._ends: dict[Place, deque[tuple[float, int]]] = {}

    def look(self, positions: Positions, now: float) -> Pressure:
        """Take a measurement in and return what waits: all partitions' records, the worst partition's seconds."""
        for place in self._ends.keys() - positions.keys():
            del self._ends[place]
        ages = [self._age(place, found, now) for place, found in positions.items()]
        return Pressure(sum(found.waiting for found in positions.values()), max(ages, default=0.0))

    def _age(self, place: Place, found: Position, now: float) -> float:
        """Return how long ago, at most, what waits first came; since the first look, where it came before that.

        A sample says when the partition was last seen to end there; the first is never beyond what is committed.
        """
        ends = self._ends.setdefault(place, deque())
        if found.end <= found.committed:
            ends.clear()
            ends.append((now, found.end))
            return 0.0
        if not ends:
            ends.append((now, found.committed))
        if ends[-1][1] == found.end:
            ends.pop()
        ends.append((now, found.end))
        while ends[1][1] <= found.committed:
            ends.popleft()
        if len(ends) > MOST_SAMPLES:
            self._ends[place] = deque(sample for number, sample in enumerate(ends) if number % 2 == 0)
        return max(0.0, now - ends[0][0])
