"""Failed authentications by client address, bounded in number: who guesses keys is made to wait. Pure: `now` is in seconds."""

from collections import OrderedDict
from dataclasses import dataclass

MOST_ADDRESSES = 20_000
MOST_PROVEN = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptPolicy:
    """How many unknown keys an address may show within a window before it has to wait for the window's end; 0 is any number."""

    limit: int
    window_seconds: float


@dataclass(slots=True)
class _Window:
    began_at: float
    failures: int = 0


class FailedAttempts:
    """Counts failures by address. Where there is no room for another address, the one that began longest ago is forgotten."""

    def __init__(self, policy: AttemptPolicy, most_addresses: int = MOST_ADDRESSES, most_proven: int = MOST_PROVEN) -> None:
        self._policy = policy
        self._most_addresses = most_addresses
        self._most_proven = most_proven
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        self._proven: OrderedDict[tuple[str, str], None] = OrderedDict()

    def wait_seconds(self, address: str, digest: str, now: float) -> float:
        """Return how long `address` has to wait before the key with `digest` is looked at; 0 for not at all.

        A key that has worked from there goes on working: behind one address there may be many clients.
        """
        window = self._windows.get(address)
        if window is None or not self._policy.limit or window.failures < self._policy.limit:
            return 0.0
        left = window.began_at + self._policy.window_seconds - now
        return 0.0 if left <= 0 or (address, digest) in self._proven else left

    def failed(self, address: str, now: float) -> None:
        """Count a failure."""
        window = self._windows.get(address)
        if window is None or now - window.began_at >= self._policy.window_seconds:
            self._windows.pop(address, None)
            window = self._windows[address] = _Window(now)
            if len(self._windows) > self._most_addresses:
                self._windows.popitem(last=False)
        window.failures += 1

    def worked(self, address: str, digest: str) -> None:
        """Remember that a key was good from this address."""
        if (address, digest) not in self._proven:
            self._proven[address, digest] = None
            if len(self._proven) > self._most_proven:
                self._proven.popitem(last=False)

    def __len__(self) -> int:
        return len(self._windows) + len(self._proven)
