"""Who is let in, who waits, and who is told to come again."""

import pytest

from contract.control import Directory, key_record, project_record
from contract.doorkeeper import AccessSettings, Doorkeeper
from contract.errors import AccessError, OverloadedError, RetryableError
from contract.keys import Presented, Project, api_key

SETTINGS = AccessSettings(failure_limit=2, failure_window_seconds=60, trusted_proxy_hops=0)
GOOD = Presented("good")


class Clock:
    """A clock that stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def doorkeeper(clock: Clock, *, is_complete: bool = True) -> Doorkeeper:
    """Return one that knows a single ingest key."""
    directory = Directory()
    for _, name, record in (project_record(Project("p1", "p1", "pk")), key_record(api_key("good", "p1", "ingest"))):
        directory.apply(name, record)
    return Doorkeeper(directory, SETTINGS, lambda: is_complete, clock)


def guess(door: Doorkeeper, times: int, address: str = "a") -> None:
    """Show unknown keys."""
    for number in range(times):
        with pytest.raises(AccessError):
            door.authorise(Presented(f"guess {number}"), "ingest", address)


def test_who_guesses_too_often_waits_even_with_a_right_guess() -> None:
    """Else guessing would only cost answers; afterwards the key works."""
    clock = Clock()
    door = doorkeeper(clock)
    guess(door, 2)

    with pytest.raises(OverloadedError, match="wait 60 s"):
        door.authorise(GOOD, "ingest", "a")
    clock.now = 60.0
    assert door.authorise(GOOD, "ingest", "a").project_id == "p1"


def test_others_are_let_in_meanwhile() -> None:
    """Good keys from elsewhere, and those that worked from the same address before."""
    clock = Clock()
    door = doorkeeper(clock)
    door.authorise(GOOD, "ingest", "a")
    guess(door, 2)

    assert door.authorise(GOOD, "ingest", "a").project_id == "p1"
    assert door.authorise(GOOD, "ingest", "b").project_id == "p1"


def test_a_known_key_of_the_wrong_scope_is_no_guess() -> None:
    """However often it is shown."""
    door = doorkeeper(Clock())
    for _ in range(5):
        with pytest.raises(AccessError) as caught:
            door.authorise(GOOD, "read", "a")
        assert caught.value.is_known


def test_a_missing_key_is_no_guess() -> None:
    """Nothing was tried."""
    door = doorkeeper(Clock())
    for _ in range(5):
        with pytest.raises(AccessError):
            door.authorise(None, "ingest", "a")

    assert door.authorise(GOOD, "ingest", "a").project_id == "p1"


def test_until_the_keys_are_known_an_unknown_one_is_a_passing_fault() -> None:
    """On 401 a client would throw away what it holds."""
    door = doorkeeper(Clock(), is_complete=False)

    with pytest.raises(RetryableError, match="not known yet"):
        door.authorise(Presented("new"), "ingest", "a")
    assert door.authorise(GOOD, "ingest", "a").project_id == "p1"


def test_a_revoked_key_is_unknown_at_once() -> None:
    """Also where it has worked before."""
    door = doorkeeper(Clock())
    door.authorise(GOOD, "ingest", "a")
    _, name, record = key_record(api_key("good", "p1", "ingest"), is_revoked=True)
    door.directory.apply(name, record)

    with pytest.raises(AccessError, match="unknown key"):
        door.authorise(GOOD, "ingest", "a")
