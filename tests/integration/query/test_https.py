"""The read API answers HTTPS beside HTTP, to clients that trust its certificate's authority."""

import ssl
from pathlib import Path

import httpx
import pytest

from tests.certificates import Authority
from tests.integration.query.served import Store, serving

READER = {"authorization": "Bearer read-p1"}


def trust(authority: Authority) -> ssl.SSLContext:
    """Return what a client of `authority` checks a certificate with."""
    return ssl.create_default_context(cafile=str(authority.ca_file))


def test_a_trace_is_read_over_https(store: Store, tmp_path: Path) -> None:
    """The same answer as in clear; a client of another authority refuses the certificate."""
    authority = Authority(tmp_path)
    pair = authority.pair("read-api")
    store.put("traces", store.trace("t1", name="seen"))

    with serving(store.settings, https_port=0, tls_cert_file=pair.chain, tls_key_file=pair.key) as (app, client):
        secure = f"https://127.0.0.1:{app.https_port}/api/v1/traces/t1"
        answer = httpx.get(secure, headers=READER, verify=trust(authority), timeout=20)
        in_clear = client.get("/api/v1/traces/t1")
        with pytest.raises(httpx.ConnectError, match="certificate"):
            httpx.get(secure, headers=READER, verify=trust(Authority(tmp_path, "another")), timeout=20)

    assert answer.json()["name"] == "seen"
    assert answer.json() == in_clear.json()
