"""What looks like a secret, and what is known to be one, never reaches a reader."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.keys import SCOPES, new_secret
from contract.logs import MaskedFormatter
from contract.secrets import MASK, Masker, mask, masker_for


@pytest.mark.parametrize("scope", SCOPES)
def test_keys_are_masked_wherever_they_stand(scope: str) -> None:
    """In paths, headers and sentences; the scope stays, so that one sees which kind it was."""
    secret = new_secret(scope)  # type: ignore[arg-type]

    for text in (f"/helicone/proxy/{secret}/v1/chat", f"authorization: Bearer {secret}", f"key={secret}, unknown", f'{{"key":"{secret}"}}'):
        assert secret not in mask(text)
    assert mask(f"path=/helicone/{secret}/log") == f"path=/helicone/sl-{scope}-{MASK}/log"


def test_passwords_in_urls_are_masked() -> None:
    """User and host stay."""
    assert mask("from https://user:p4ss@host:8443/x") == f"from https://user:{MASK}@host:8443/x"


@pytest.mark.parametrize("text", ["Basic cGstc2w6c2wtaW5nZXN0", "bearer abcdefgh12345678", "Bearer%20abcdefgh12345678"])
def test_credentials_are_masked(text: str) -> None:
    """Also those of others: a provider's key that came through the proxy."""
    assert mask(text).endswith(MASK)


def test_upload_urls_are_masked() -> None:
    """Who has one may write."""
    assert mask("PUT http://gateway/v1/objects/abc.def?x=1") == f"PUT http://gateway/v1/objects/{MASK}?x=1"


def test_plain_words_stay() -> None:
    """Masks that hide what happened would help nobody."""
    text = "batch_flushed rows=500 seconds=0.1 url=http://127.0.0.1:8123/ basic settings sl-ingest"

    assert mask(text) == text


def test_values_of_secret_settings_are_masked() -> None:
    """Whoever quotes them, and the passwords within URLs by themselves."""
    masker = masker_for({"KAFKA_SASL_PASSWORD": "hunter22", "QUERY_URL": "http://me:topsecret@query", "LOG_LEVEL": "INFO"})

    assert masker("SASL: hunter22 was refused; topsecret; INFO") == f"SASL: {MASK} was refused; {MASK}; INFO"


@given(st.text(min_size=6), st.text(), st.text())
def test_a_known_value_never_survives(secret: str, before: str, after: str) -> None:
    """Unless it is a part of the mask itself."""
    shown = Masker([secret])(f"{before}{secret}{after}")

    assert secret not in shown or secret in before + MASK + after or set(secret) == {"*"}


def test_log_entries_are_masked_with_their_tracebacks() -> None:
    """Libraries put what they were given into their errors."""
    try:
        int("http://a:secretword@b")
    except ValueError as error:
        record = logging.LogRecord(
            "x", logging.ERROR, __file__, 1, "failed %s", ("sl-read-abcdefgh",), (ValueError, error, error.__traceback__)
        )

    said = MaskedFormatter(logging.Formatter("%(message)s"), mask).format(record)

    assert "secretword" not in said
    assert "abcdefgh" not in said
