"""The ClickHouse client: a server over HTTP, or chdb inside this process; the same SQL for both."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect import common
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from contract.errors import RetryableError, SettingsError
from contract.settings import env

HTTPS = "https"
SCHEMES = ("http", HTTPS)
POOL_OPEN = 20
SESSION_SETTINGS: dict[str, Any] = {"async_insert": 0, "session_timezone": "UTC"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Where ClickHouse is."""

    url: str | None = env("CLICKHOUSE_URL")
    read_url: str | None = env("CLICKHOUSE_READ_URL")
    path: Path = env("CLICKHOUSE_PATH")
    ca_file: Path | None = env("CLICKHOUSE_CA_FILE")
    client_cert_file: Path | None = env("CLICKHOUSE_CLIENT_CERT_FILE")
    client_key_file: Path | None = env("CLICKHOUSE_CLIENT_KEY_FILE")
    server_name: str | None = env("CLICKHOUSE_SERVER_NAME")
    database: str = env("CLICKHOUSE_DATABASE")
    connect_timeout_seconds: int = env("CLICKHOUSE_CONNECT_TIMEOUT_SECONDS")
    send_timeout_seconds: int = env("CLICKHOUSE_SEND_TIMEOUT_SECONDS")

    def __post_init__(self) -> None:
        """Raise SettingsError for a URL of another scheme, and for files that cannot be what they are for."""
        mistakes = [
            f"{name}: must begin with http:// or https://"
            for name, url in (("CLICKHOUSE_URL", self.url), ("CLICKHOUSE_READ_URL", self.read_url))
            if url is not None and urlsplit(url).scheme not in SCHEMES
        ]
        try:
            if self.ca_file is not None:
                ssl.create_default_context(cafile=self.ca_file)
            if self.client_cert_file is not None:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(self.client_cert_file, self.client_key_file)
        except (OSError, ssl.SSLError) as error:
            mistakes.append(f"CLICKHOUSE_CA_FILE, CLICKHOUSE_CLIENT_CERT_FILE or CLICKHOUSE_CLIENT_KEY_FILE cannot be used: {error}")
        if mistakes:
            raise SettingsError(mistakes)

    def tls(self, url: str) -> dict[str, Any]:
        """Return what the client needs to know of TLS. It takes no notice of a URL's scheme, so that is told apart here."""
        if urlsplit(url).scheme != HTTPS:
            return {"interface": "http"}
        given = {
            "ca_cert": self.ca_file,
            "client_cert": self.client_cert_file,
            "client_cert_key": self.client_key_file,
            "server_host_name": self.server_name,
        }
        return {"interface": HTTPS, "verify": True, **{name: str(value) for name, value in given.items() if value is not None}}


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
            **settings.tls(url),
        )
    except (ClickHouseError, OSError) as error:
        raise RetryableError(f"ClickHouse does not answer: {error}") from error
