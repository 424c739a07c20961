"""The reader before a real ClickHouse: concurrency, time-outs, faults that pass and faults that do not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from contract.errors import RetryableError
from query.errors import BadRequestError
from query.reader import Reader
from query.statements import Statement
from tests.integration.query.served import Store

Result = TypeVar("Result")


def reading(store: Store, scenario: Callable[[Reader], Awaitable[Result]], timeout_seconds: float = 5) -> Result:
    """Run `scenario` with a reader and stop it afterwards."""

    async def run() -> Result:
        reader = Reader(store.settings, threads=3, timeout_seconds=timeout_seconds)
        try:
            return await scenario(reader)
        finally:
            await reader.stop()

    return asyncio.run(run())


def test_many_reads_at_a_time_each_get_their_own_answer(store: Store) -> None:
    """More reads than threads, no answer mixed up."""

    async def scenario(reader: Reader) -> list[int]:
        statements = [Statement("SELECT {number:Int64} AS number", {"number": number}) for number in range(40)]
        return [rows[0]["number"] for rows in await asyncio.gather(*map(reader.rows, statements))]

    assert reading(store, scenario) == list(range(40))


def test_a_read_over_its_time_is_ended_by_the_store(store: Store) -> None:
    """The time-out is a passing fault that says what to do, and the connection serves the next read."""
    endless = Statement("SELECT count() AS n FROM numbers(1000000000000) WHERE sipHash64(number) = 1", {})

    async def scenario(reader: Reader) -> int:
        with pytest.raises(RetryableError, match="longer than 1 s"):
            await reader.rows(endless)
        return int((await reader.rows(Statement("SELECT 1 AS n", {})))[0]["n"])

    assert reading(store, scenario, timeout_seconds=1) == 1


def test_a_read_that_would_fill_the_memory_is_refused(store: Store) -> None:
    """The reader is told to ask for less; the service does not run out of memory."""

    async def run() -> None:
        reader = Reader(store.settings, threads=1, timeout_seconds=5, max_memory_bytes=50_000_000)
        try:
            assert len(await reader.rows(Statement("SELECT repeat('x', 1000) AS text FROM numbers(10)", {}))) == 10
            with pytest.raises(BadRequestError, match="fewer rows"):
                await reader.rows(Statement("SELECT repeat('x', 1000) AS text FROM numbers(1000000)", {}))
        finally:
            await reader.stop()

    asyncio.run(run())


def test_a_missing_table_is_a_passing_fault(store: Store) -> None:
    """Before the migrations have run a read may be tried again."""
    with pytest.raises(RetryableError):
        reading(store, lambda reader: reader.rows(Statement("SELECT * FROM not_there", {})))


def test_a_wrong_statement_is_not_a_passing_fault(store: Store) -> None:
    """A mistake of ours must not look like an outage."""
    with pytest.raises(DatabaseError):
        reading(store, lambda reader: reader.rows(Statement("SELEC 1", {})))
