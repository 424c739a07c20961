"""ClickHouse and object storage over TLS: the server's certificate is checked, and ours is shown."""

from pathlib import Path

import pytest

from contract.errors import RetryableError, SettingsError
from contract.objects import ObjectSettings, object_store
from contract.settings import load
from contract.store import StoreSettings, connect
from tests.certificates import Authority
from tests.https_server import https_server

REFUSAL = b"Code: 516. DB::Exception: the test server answers nothing (AUTHENTICATION_FAILED)"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Return an authority nobody else trusts."""
    return Authority(tmp_path)


def settings_of(port: int, **more: str) -> StoreSettings:
    """Return how ClickHouse is reached over TLS."""
    return load(StoreSettings, {"CLICKHOUSE_URL": f"https://user:hidden-password@127.0.0.1:{port}", **more})


def test_clickhouse_of_a_known_authority_is_spoken_to(authority: Authority) -> None:
    """On any port: https in the URL is enough."""
    with https_server(authority.pair("server"), 403, REFUSAL) as visits, pytest.raises(RetryableError, match="answers nothing"):
        connect(settings_of(visits.port, CLICKHOUSE_CA_FILE=str(authority.ca_file)))

    assert visits.paths


def test_clickhouse_of_an_unknown_authority_is_refused_and_never_sees_a_password(authority: Authority) -> None:
    """The error says what is wrong, without the password."""
    with (
        https_server(authority.pair("server"), 403, REFUSAL) as visits,
        pytest.raises(RetryableError, match="certificate verify failed") as caught,
    ):
        connect(settings_of(visits.port))

    assert visits.paths == []
    assert "hidden-password" not in str(caught.value)


def test_our_certificate_is_shown_to_clickhouse(authority: Authority) -> None:
    """Where it asks for one."""
    mine = authority.pair("sluice")
    shown = {"CLICKHOUSE_CLIENT_CERT_FILE": str(mine.chain), "CLICKHOUSE_CLIENT_KEY_FILE": str(mine.key)}
    with https_server(authority.pair("server"), 403, REFUSAL, authority.ca_file) as visits, pytest.raises(RetryableError):
        connect(settings_of(visits.port, CLICKHOUSE_CA_FILE=str(authority.ca_file), **shown))

    assert set(visits.clients) == {"sluice"}


@pytest.mark.parametrize(("name", "is_spoken_to"), [("clickhouse.internal", True), ("other.internal", False)])
def test_replicas_are_reached_over_tls_with_shared_connections(authority: Authority, name: str, *, is_spoken_to: bool) -> None:
    """The pool knows authority, certificate and name as a client of its own would."""
    mine = authority.pair("sluice")
    shown = {"CLICKHOUSE_CLIENT_CERT_FILE": str(mine.chain), "CLICKHOUSE_CLIENT_KEY_FILE": str(mine.key)}
    trusted = {"CLICKHOUSE_CA_FILE": str(authority.ca_file), "CLICKHOUSE_SERVER_NAME": name}
    with https_server(authority.pair("named", "clickhouse.internal"), 403, REFUSAL, authority.ca_file) as visits:
        settings = settings_of(1, CLICKHOUSE_READ_URL=f"https://user:hidden-password@127.0.0.1:{visits.port}", **shown, **trusted)
        pool = settings.pool()
        with pytest.raises(RetryableError):
            connect(settings, url=settings.read_urls[0], pool=pool)
        pool.clear()

    assert bool(visits.paths) == is_spoken_to
    assert set(visits.clients) <= {"sluice"}


@pytest.mark.parametrize(("name", "is_spoken_to"), [("clickhouse.internal", True), ("other.internal", False)])
def test_the_name_in_clickhouse_s_certificate_can_be_told(authority: Authority, name: str, *, is_spoken_to: bool) -> None:
    """For tunnels, whose address is not the server's."""
    pair = authority.pair("named", "clickhouse.internal")
    with https_server(pair, 403, REFUSAL) as visits, pytest.raises(RetryableError):
        connect(settings_of(visits.port, CLICKHOUSE_CA_FILE=str(authority.ca_file), CLICKHOUSE_SERVER_NAME=name))

    assert bool(visits.paths) == is_spoken_to


@pytest.mark.parametrize(
    ("variable", "value"),
    [("CLICKHOUSE_URL", "tcp://127.0.0.1:9000"), ("CLICKHOUSE_CA_FILE", "/nowhere.pem"), ("CLICKHOUSE_CLIENT_CERT_FILE", "/nowhere.pem")],
)
def test_what_cannot_be_used_is_named_at_the_start(variable: str, value: str) -> None:
    """Not at the first insert."""
    with pytest.raises(SettingsError, match=variable):
        load(StoreSettings, {variable: value})


def test_object_storage_of_a_known_authority_is_spoken_to(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one of an unknown authority is not."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with https_server(authority.pair("server"), 200) as visits:
        url = f"https://127.0.0.1:{visits.port}"
        object_store(ObjectSettings(s3_bucket="b", s3_endpoint_url=url, s3_region="r", s3_ca_file=authority.ca_file)).put("k/1", b"x")
        assert visits.paths == ["/b/k/1"]
        with pytest.raises(RetryableError, match=r"(?i)certificate.verify.failed"):
            object_store(ObjectSettings(s3_bucket="b", s3_endpoint_url=url, s3_region="r")).put("k/2", b"x")
    assert visits.paths == ["/b/k/1"]
