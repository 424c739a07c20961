"""CORS: who may ask, and what a browser is told."""

import pytest

from ingest_gateway.domain.origins import Origins, wrong_origins

APP = "https://app.example"
ASKED = {"origin": APP, "access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}


def test_an_allowed_origin() -> None:
    """Is named in the answer, which caches must keep apart from those to others."""
    origins = Origins([APP, "http://localhost:3000"])

    said = origins.shared({"origin": APP})
    assert (said["access-control-allow-origin"], said["vary"]) == (APP, "origin")
    assert origins.preflight(ASKED, "POST") == {
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "authorization,content-type",
        "access-control-max-age": "7200",
    }


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "", f"{APP}.evil.example", "https://app.example:8443"])
def test_another_origin(origin: str) -> None:
    """May not read anything; caches are told that answers differ."""
    origins = Origins([APP])

    assert origins.shared({"origin": origin}) == {"vary": "origin"}
    assert origins.preflight({**ASKED, "origin": origin}, "POST") == {}


def test_all_origins() -> None:
    """One answer serves every page."""
    origins = Origins(["*"])

    assert origins.shared({"origin": APP})["access-control-allow-origin"] == "*"
    assert origins.shared({}) == {}


def test_none() -> None:
    """Nothing is said where no origin is allowed."""
    assert (bool(Origins()), Origins().shared({"origin": APP}), Origins().preflight(ASKED, "POST")) == (False, {}, {})


@pytest.mark.parametrize("names", ["", "a\r\nx: y", "a,,b", "x" * 1_001])
def test_odd_names_of_headers(names: str) -> None:
    """What cannot be repeated is not allowed."""
    assert "access-control-allow-headers" not in Origins([APP]).preflight({**ASKED, "access-control-request-headers": names}, "POST")


@pytest.mark.parametrize("origin", [APP, "http://localhost:3000", "http://127.0.0.1", "http://[::1]:8080", "*"])
def test_origins(origin: str) -> None:
    """Scheme, host, perhaps a port."""
    assert wrong_origins([origin]) == []


@pytest.mark.parametrize("origin", [f"{APP}/", f"{APP}/path", "app.example", "https://*.example", "null", "https://a b"])
def test_no_origins(origin: str) -> None:
    """Anything else is a mistake that would never match."""
    assert wrong_origins([APP, origin]) == [origin]
