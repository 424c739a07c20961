"""The ClickHouse client: a server over HTTP, or chdb inside this process; the same SQL for both."""

import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect import common
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_connect.driver.httputil import get_pool_manager

from contract.errors import RetryableError, SettingsError
from contract.settings import env

HTTPS = "https"
SCHEMES = ("http", HTTPS)
CLUSTER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*|\{cluster\}")
SESSION_SETTINGS: dict[str, Any] = {"async_insert": 0, "session_timezone": "UTC"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Where ClickHouse is."""

    url: str | None = env("CLICKHOUSE_URL")
    read_url: str | None = env("CLICKHOUSE_READ_URL")
    cluster: str | None = env("CLICKHOUSE_CLUSTER")
    path: Path = env("CLICKHOUSE_PATH")
    ca_file: Path | None = env("CLICKHOUSE_CA_FILE")
    client_cert_file: Path | None = env("CLICKHOUSE_CLIENT_CERT_FILE")
    client_key_file: Path | None = env("CLICKHOUSE_CLIENT_KEY_FILE")
    server_name: str | None = env("CLICKHOUSE_SERVER_NAME")
    database: str = env("CLICKHOUSE_DATABASE")
    connect_timeout_seconds: int = env("CLICKHOUSE_CONNECT_TIMEOUT_SECONDS")
    send_timeout_seconds: int = env("CLICKHOUSE_SEND_TIMEOUT_SECONDS")
    pool_open: int = env("CLICKHOUSE_POOL_OPEN")
    pool_idle: int = env("CLICKHOUSE_POOL_IDLE")
    pool_seconds: int = env("CLICKHOUSE_POOL_SECONDS")

    def __post_init__(self) -> None:
        """Raise SettingsError for a URL of another scheme, a cluster that cannot be, and files that cannot be what they are for."""
        given = [("CLICKHOUSE_URL", self.url), *(("CLICKHOUSE_READ_URL", url) for url in _listed(self.read_url))]
        mistakes = [
            f"{name}: must begin with http:// or https://" for name, url in given if url is not None and urlsplit(url).scheme not in SCHEMES
        ]
        if self.cluster is not None and self.url is None:
            mistakes.append("CLICKHOUSE_CLUSTER: needs CLICKHOUSE_URL, because the ClickHouse inside a process is in no cluster")
        if self.cluster is not None and not CLUSTER_NAME.fullmatch(self.cluster):
            mistakes.append(f"CLICKHOUSE_CLUSTER={self.cluster!r}: must be a plain name or {{cluster}}")
        try:
            if self.ca_file is not None:
                ssl.create_default_context(cafile=self.ca_file)
            if self.client_cert_file is not None:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(self.client_cert_file, self.client_key_file)
        except (OSError, ssl.SSLError) as error:
            mistakes.append(f"CLICKHOUSE_CA_FILE, CLICKHOUSE_CLIENT_CERT_FILE or CLICKHOUSE_CLIENT_KEY_FILE cannot be used: {error}")
        if mistakes:
            raise SettingsError(mistakes)

    @property
    def read_urls(self) -> tuple[str, ...]:
        """Return where reads go, in the order they were given: replicas, or the one server; nothing for the one inside the process."""
        return _listed(self.read_url) or ((self.url,) if self.url is not None else ())

    def pool(self) -> Any:
        """Return connections that several clients share, whichever replica they are to; so many are kept for the next statement."""
        return get_pool_manager(maxsize=self.pool_idle, num_pools=2 * max(1, len(self.read_urls)), **self._pool_tls())

    def _pool_tls(self) -> dict[str, Any]:
        given = {"ca_cert": self.ca_file, "client_cert": self.client_cert_file, "client_cert_key": self.client_key_file}
        options: dict[str, Any] = {name: str(value) for name, value in given.items() if value is not None}
        if self.server_name is not None:
            options |= {"assert_hostname": self.server_name, "server_hostname": self.server_name}
        return options

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


def _listed(urls: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (urls or "").split(",") if part.strip())


def connect(
    settings: StoreSettings,
    *,
    for_reads: bool = False,
    url: str | None = None,
    database: str | None = None,
    pool: Any = None,
) -> Client:
    """Return a client; each thread needs its own. Raises RetryableError while ClickHouse does not answer, SettingsError where none is set.

    `url` None means the settings' own, `database` likewise; pass "default" before it exists. `pool` holds connections that several
    clients share.
    """
    common.set_setting("autogenerate_session_id", False)
    common.set_setting("max_connection_age", settings.pool_seconds)
    address = url or (next(iter(settings.read_urls), None) if for_reads else settings.url)
    chosen = settings.database if database is None else database
    try:
        if address is None:
            settings.path.mkdir(parents=True, exist_ok=True)
            return clickhouse_connect.get_client(interface="chdb", path=str(settings.path), database=chosen, settings=SESSION_SETTINGS)
        return clickhouse_connect.get_client(
            dsn=address,
            database=chosen,
            settings=SESSION_SETTINGS,
            connect_timeout=settings.connect_timeout_seconds,
            send_receive_timeout=settings.send_timeout_seconds,
            pool_mgr=pool,
            **settings.tls(address),
        )
    except ImportError as error:  # the image leaves the ClickHouse inside a process out
        raise SettingsError(["CLICKHOUSE_URL: must be set: this installation has no ClickHouse of its own"]) from error
    except (ClickHouseError, OSError) as error:
        raise RetryableError(f"ClickHouse does not answer: {error}") from error
