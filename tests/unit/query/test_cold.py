"""Whether days changed hands during a read: by the store's word, or by that of the mover in the same process."""

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Any

from contract.cold_catalogue import DAYS, STATE, Moves
from contract.spans import Plan
from query.cold import ColdReads
from query.statements import Statement


class Catalogue:
    """A store that knows a project's state, and counts how often it is asked."""

    def __init__(self) -> None:
        self.state = 0
        self.asked = 0

    def rows(self, statement: Statement) -> Awaitable[list[dict[str, Any]]]:
        """Answer at once."""

        async def answered() -> list[dict[str, Any]]:
            self.asked += statement.sql == STATE
            assert statement.sql != DAYS or self.state
            return [{"state": self.state}] if statement.sql == STATE else []

        return answered()


def read(reads: ColdReads, meanwhile: Moves | None = None, catalogue: Catalogue | None = None) -> list[Plan]:
    """Read once; return the plans it was tried with. With `meanwhile` and `catalogue`, a day is moved during the first try."""
    tried: list[Plan] = []

    async def attempt(plan: Plan) -> int:
        tried.append(plan)
        if meanwhile is not None and catalogue is not None and len(tried) == 1:
            with meanwhile.under_way():
                catalogue.state += 1
        return len(tried)

    asyncio.run(reads.consistently("p", attempt))
    return tried


def test_without_a_mover_at_hand_the_store_is_asked_after_every_read() -> None:
    """Another process may move days."""
    catalogue = Catalogue()
    reads = ColdReads(catalogue, None)

    for _ in range(3):
        read(reads)

    assert catalogue.asked == 4


def test_while_the_mover_rests_the_store_is_not_asked() -> None:
    """Only once, for what is cold at all."""
    catalogue = Catalogue()
    reads = ColdReads(catalogue, None, Moves())

    for _ in range(3):
        read(reads)

    assert catalogue.asked == 1


def test_a_day_that_moves_during_a_read_has_it_repeated() -> None:
    """However the mover rests again by its end."""
    catalogue, moves = Catalogue(), Moves()
    reads = ColdReads(catalogue, None, moves)
    read(reads)

    assert len(read(reads, moves, catalogue)) == 2


def test_a_run_that_moved_nothing_is_asked_about_once() -> None:
    """The store says that nothing has changed, and the mover that it rests since."""
    catalogue, moves = Catalogue(), Moves()
    reads = ColdReads(catalogue, None, moves)
    read(reads)
    with moves.under_way():
        read(reads)
        asked = catalogue.asked
    for _ in range(3):
        read(reads)

    assert (asked, catalogue.asked) == (2, 3)


def test_a_run_that_fails_has_ended() -> None:
    """The number of the rest is another than before."""
    moves = Moves()
    before = moves.rest()

    with contextlib.suppress(ValueError), moves.under_way():
        assert moves.rest() is None
        raise ValueError("disk")

    assert moves.rest() not in (None, before)
