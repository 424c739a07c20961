"""One mover at a time: an object that names who moves and until when. Taken by a conditional write, so of several one gets it."""

import time
import uuid
from collections.abc import Callable

import msgspec

from contract.errors import PipelineError, RetryableError
from contract.objects import ListedStore

KEY = "cold-mover.json"
HELD_SECONDS = 600.0


class BusyError(PipelineError):
    """Another mover is at work."""


class _Claim(msgspec.Struct, frozen=True):
    owner: str
    until_seconds: float


class Lease:
    """Held from `take` to `give_back`. `renew` says that the work goes on; it fails once the lease is another's.

    An `owner` that can only be one process at a time takes at once what it held before it was killed.
    """

    def __init__(self, objects: ListedStore, owner: str | None = None, clock: Callable[[], float] = time.time) -> None:
        self._objects = objects
        self._clock = clock
        self._owner = owner or uuid.uuid4().hex

    def take(self) -> None:
        """Take the lease, also one whose time is over; raise BusyError where another mover holds it."""
        held = self._held()
        if held is not None and held.owner != self._owner and held.until_seconds > self._clock():
            raise BusyError(
                f"another mover is at work; its claim {KEY} ends in {held.until_seconds - self._clock():.0f} s unless it is renewed"
            )
        if held is not None:
            self._objects.delete(KEY)
        if not self._objects.put_if_absent(KEY, self._claim()):
            raise BusyError("another mover has just begun")

    def renew(self) -> None:
        """Hold it for longer; raise RetryableError where it has been lost."""
        self.check()
        self._objects.put(KEY, self._claim())

    def check(self) -> None:
        """Raise RetryableError where the lease is another's by now."""
        held = self._held()
        if held is None or held.owner != self._owner:
            raise RetryableError("the mover's claim is another's by now; it was held up for too long")

    def give_back(self) -> None:
        """End the lease, if it is ours."""
        held = self._held()
        if held is not None and held.owner == self._owner:
            self._objects.delete(KEY)

    def _claim(self) -> bytes:
        return msgspec.json.encode(_Claim(self._owner, self._clock() + HELD_SECONDS))

    def _held(self) -> _Claim | None:
        found = self._objects.get(KEY)
        try:
            return None if found is None else msgspec.json.decode(found.body, type=_Claim)
        except msgspec.DecodeError:
            return _Claim("", 0.0)
