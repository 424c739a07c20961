"""What a dead letter's replay leaves on the record it sends, so that a record that fails again says how often it was tried."""

from collections.abc import Iterable

import msgspec

ATTEMPT_HEADER = "sluice-attempt"
ATTEMPT_HTTP_HEADER = "x-sluice-attempt"
FIRST_ATTEMPT = 1

Headers = Iterable[tuple[str, str | bytes | None]]


class Alone(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one event of a request is sent by itself: the request around its bytes, without the key."""

    path: str
    method: str = "POST"
    content_type: str = "application/json"
    before: str = ""
    after: str = ""
    headers: dict[str, str] = {}

    def body(self, original: bytes) -> bytes:
        """Return the request's body."""
        return b"%b%b%b" % (self.before.encode(), original, self.after.encode())


def alone_in(text: str) -> Alone | None:
    """Read what a letter says of it; None where that is not to be understood."""
    try:
        return msgspec.json.decode(text, type=Alone)
    except msgspec.MsgspecError:
        return None


def attempt_headers(attempt: int) -> list[tuple[str, bytes]]:
    """Return the Kafka headers of a record that is sent for the `attempt`-th time."""
    return [(ATTEMPT_HEADER, str(attempt).encode())]


def attempt_of(headers: Headers | None) -> int:
    """Return which attempt a record is, 1 where its Kafka headers do not say."""
    for name, value in headers or ():
        if name == ATTEMPT_HEADER and value is not None:
            return attempt_in(value)
    return FIRST_ATTEMPT


def attempt_in(text: str | bytes) -> int:
    """Read an attempt; 1 where it is none."""
    try:
        return max(FIRST_ATTEMPT, int(text))
    except ValueError:
        return FIRST_ATTEMPT
