"""Which replica reads go to."""

from query.replicas import DOWN_SECONDS, Replicas


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_reads_go_to_one_replica_while_it_answers() -> None:
    """In the order given, from the place that is this process's own."""
    assert Replicas(["a", "b", "c"], 0, Clock()).in_turn() == ["a", "b", "c"]
    assert Replicas(["a", "b", "c"], 4, Clock()).in_turn() == ["b", "c", "a"]


def test_one_that_failed_comes_last_for_a_while() -> None:
    """And is still there, in case no other answers."""
    clock = Clock()
    replicas = Replicas(["a", "b", "c"], 0, clock)

    replicas.failed("a")
    assert replicas.in_turn() == ["b", "c", "a"]

    clock.now += DOWN_SECONDS
    assert replicas.in_turn() == ["a", "b", "c"]


def test_one_that_answers_is_well_again() -> None:
    """When it was asked because all others were away."""
    replicas = Replicas(["a", "b"], 0, Clock())
    replicas.failed("a")
    replicas.failed("b")

    replicas.answered("a")

    assert replicas.in_turn() == ["a", "b"]


def test_without_addresses_there_is_the_store_inside_the_process() -> None:
    """The embedded ClickHouse has none."""
    assert Replicas([], 7, Clock()).in_turn() == [None]
