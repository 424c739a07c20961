"""The ClickHouse client: a server over HTTP, or chdb inside this process; the same SQL for both."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clickhouse_connect
from clickhouse_connect import common
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from contract.errors import RetryableError
from contract.settings import env

POOL_OPEN = 20
SESSION_SETTINGS: dict[str, Any] = {"async_insert": 0, "session_timezone": "UTC"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Where ClickHouse is."""

    url: str | None = env("CLICKHOUSE_URL")
    read_url: str | None = env("CLICKHOUSE_READ_URL")
    path: Path = env("CLICKHOUSE_PATH")
    database: str = env("CLICKHOUSE_DATABASE")
    connect_timeout_seconds: int = env("CLICKHOUSE_CONNECT_TIMEOUT_SECONDS")
    send_timeout_seconds: int = env("CLICKHOUSE_SEND_TIMEOUT_SECONDS")


def connect(settings: StoreSettings, *, for_reads: bool = False, database: str | None = None) -> Client:
    """Return a client; each thread needs its own. Raises RetryableError while ClickHouse does not answer.

    `database` None means the settings' own; pass "default" before it exists.
    """
    common.set_setting("autogenerate_session_id", False)
    url = (settings.read_url if for_reads else None) or settings.url
    chosen = settings.database if database is None else database
    try:
        if url is None:
            settings.path.mkdir(parents=True, exist_ok=True)
            return clickhouse_connect.get_client(interface="chdb", path=str(settings.path), database=chosen, settings=SESSION_SETTINGS)
        return clickhouse_connect.get_client(
            dsn=url,
            database=chosen,
            settings=SESSION_SETTINGS,
            connect_timeout=settings.connect_timeout_seconds,
            send_receive_timeout=settings.send_timeout_seconds,
        )
    except (ClickHouseError, OSError) as error:
        raise RetryableError(f"ClickHouse does not answer: {error}") from error
