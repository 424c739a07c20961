"""Runs statements on a few threads, each with a ClickHouse connection of its own."""

import asyncio
import dataclasses
import logging
import math
import socket
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from contract.errors import RetryableError
from contract.store import StoreSettings, connect
from query.errors import BadRequestError
from query.replicas import Replicas
from query.shapes import Row
from query.statements import Statement

logger = logging.getLogger(__name__)

GRACE_SECONDS = 2.0
MAX_MEMORY_BYTES = 1024 * 1024 * 1024
"""What one read may hold in the store's memory; lists of large payloads need the most."""
RETRY_AFTER_SECONDS = 1.0
TIMEOUT_EXCEEDED = 159
MEMORY_LIMIT_EXCEEDED = 241
PASSING_CODES = frozenset(
    {
        60,  # UNKNOWN_TABLE: the migrations have not run yet
        81,  # UNKNOWN_DATABASE: likewise
        159,  # TIMEOUT_EXCEEDED
        202,  # TOO_MANY_SIMULTANEOUS_QUERIES
        209,  # SOCKET_TIMEOUT
        210,  # NETWORK_ERROR
        241,  # MEMORY_LIMIT_EXCEEDED, of the whole store
        242,  # TABLE_IS_READ_ONLY
        425,  # SYSTEM_ERROR
        499,  # S3_ERROR
        999,  # KEEPER_EXCEPTION
    }
)
"""ClickHouse's error codes that say "later", by src/Common/ErrorCodes.cpp."""


class UnreachableError(Exception):
    """A replica did not answer, or broke off."""


class Reader:
    """Statement in, rows out. `stop` closes every connection; in the embedded stack the store lives on in its owner."""

    def __init__(self, store: StoreSettings, *, threads: int, timeout_seconds: float, max_memory_bytes: int = MAX_MEMORY_BYTES) -> None:
        self._store = dataclasses.replace(store, send_timeout_seconds=math.ceil(timeout_seconds + GRACE_SECONDS))
        self._replicas = Replicas(store.read_urls, zlib.crc32(socket.gethostname().encode()), time.monotonic)
        self._connections = store.pool() if store.read_urls else None
        self._timeout_seconds = timeout_seconds
        self._bounds = {"max_execution_time": timeout_seconds, "max_memory_usage": max_memory_bytes}
        self._pool = ThreadPoolExecutor(min(threads, store.pool_open), thread_name_prefix="query")
        self._local = threading.local()
        self._clients: list[Client] = []

    async def rows(self, statement: Statement) -> list[Row]:
        """Run `statement`.

        Raises RetryableError while the store is away, overloaded or too slow, BadRequestError where the read needs too much memory.
        """
        running = asyncio.get_running_loop().run_in_executor(self._pool, self._run, statement)
        try:
            return await asyncio.wait_for(running, self._timeout_seconds + GRACE_SECONDS)
        except TimeoutError:
            raise _too_slow(self._timeout_seconds) from None

    async def stop(self) -> None:
        """Drop what has not begun, wait for what has, close the connections."""
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)
        for client in self._clients:
            client.close()
        self._clients.clear()

    def _run(self, statement: Statement) -> list[Row]:
        """Run it on the first replica that answers; one that is slow to say nothing leaves the others what is left of the time."""
        deadline = time.monotonic() + self._timeout_seconds
        failure = UnreachableError("no replica")
        for url in self._replicas.in_turn():
            try:
                rows = self._asked(url, statement)
            except UnreachableError as error:
                self._replicas.failed(url)
                logger.warning("replica_does_not_answer error=%s", error)
                failure = error
                if time.monotonic() >= deadline:
                    break
                continue
            self._replicas.answered(url)
            return rows
        raise _away(failure) from failure

    def _asked(self, url: str | None, statement: Statement) -> list[Row]:
        """Run it on one replica; raise UnreachableError where that says nothing, and what is to be told where it refuses."""
        settings = {**statement.settings, **self._bounds}
        client = self._client(url)
        try:
            result = client.query(statement.sql, parameters=statement.parameters, settings=settings)
        except (ClickHouseError, OSError) as error:
            if isinstance(error, DatabaseError) and error.code is not None:
                raise self._translated(error) from error
            self._forget(url)
            raise UnreachableError(str(error)) from error
        return list(result.named_results())

    def _translated(self, error: DatabaseError) -> Exception:
        """Return what to raise: the fault passes, the answer is too large, or the statement is wrong and the error stands."""
        if error.code == TIMEOUT_EXCEEDED:
            return _too_slow(self._timeout_seconds)
        if error.code == MEMORY_LIMIT_EXCEEDED and "(total)" not in str(error):
            return BadRequestError("too_large", "the read needs too much memory; ask for fewer rows or a shorter range")
        return _away(error) if error.code in PASSING_CODES else error

    def _client(self, url: str | None) -> Client:
        own = self._own_clients()
        if url not in own:
            try:
                own[url] = connect(self._store, url=url, pool=self._connections)
            except RetryableError as error:
                raise UnreachableError(str(error)) from error
            self._clients.append(own[url])
        return own[url]

    def _own_clients(self) -> dict[str | None, Client]:
        """Return the clients of this thread, by address."""
        if not hasattr(self._local, "clients"):
            self._local.clients = {}
        clients: dict[str | None, Client] = self._local.clients
        return clients

    def _forget(self, url: str | None) -> None:
        client = self._own_clients().pop(url, None)
        if client is not None:
            self._clients.remove(client)
            client.close()


def _too_slow(seconds: float) -> RetryableError:
    return RetryableError(f"the read took longer than {seconds:g} s; ask for a shorter range", RETRY_AFTER_SECONDS)


def _away(error: Exception) -> RetryableError:
    """Return the error for the reader; the store's own words, which may name hosts and statements, go to the log."""
    logger.warning("store_unavailable error=%s", error)
    return RetryableError("the store cannot answer now", RETRY_AFTER_SECONDS)
