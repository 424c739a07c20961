"""Signed permissions: what is signed holds, whatever is changed does not."""

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_gateway.domain.grants import Grant, Operation, content_fault, grant_of, token_of

SECRET = b"s" * 32
BODY = b"bytes"
GRANT = Grant(
    operation="put",
    project_id="p",
    key="media/p/x",
    content_type="image/png",
    size_bytes=len(BODY),
    sha256=hashlib.sha256(BODY).hexdigest(),
    expires_at=1_000,
)


def test_round_trip() -> None:
    """A token says what was granted."""
    assert grant_of(token_of(GRANT, SECRET), SECRET, "put", 999) == GRANT


@pytest.mark.parametrize(("secret", "operation", "now"), [(b"other", "put", 999), (SECRET, "get", 999), (SECRET, "put", 1_000)])
def test_refused(secret: bytes, operation: Operation, now: float) -> None:
    """Another secret, another operation and a time too late are no permission."""
    assert grant_of(token_of(GRANT, SECRET), secret, operation, now) is None


@given(st.integers(0, 10_000), st.characters(codec="ascii"))
def test_a_changed_token_is_none(place: int, letter: str) -> None:
    """Not one character may differ."""
    token = token_of(GRANT, SECRET)
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]

    assert grant_of(changed, SECRET, "put", 999) == (GRANT if changed == token else None)


@given(st.text(max_size=50))
def test_any_text_is_no_token(token: str) -> None:
    """Strangers' paths never raise."""
    assert grant_of(token, SECRET, "put", 0) is None


@pytest.mark.parametrize(("body", "fault"), [(b"", None), (b"12345", None), (b"123456", "over 5 bytes")])
def test_content_of_unknown_length(body: bytes, fault: str | None) -> None:
    """Without a hash, the length is the most there may be."""
    found = content_fault(msgspec.structs.replace(GRANT, operation="attach", size_bytes=5, sha256=""), body)

    assert (found is None) if fault is None else (found is not None and fault in found)


@pytest.mark.parametrize(("body", "fault"), [(BODY, None), (b"bytez", "SHA-256"), (b"byte", "4 bytes")])
def test_content(body: bytes, fault: str | None) -> None:
    """Only the announced content passes."""
    found = content_fault(GRANT, body)

    assert (found is None) if fault is None else (found is not None and fault in found)
