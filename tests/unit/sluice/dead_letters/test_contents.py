"""An original for a person."""

from contract.codec import Codec
from contract.schemas import API_KEY
from sluice.dead_letters.contents import contents_of

KEY = {"key_id": "k1", "project_id": "p", "scope": "read", "secret_sha256": "x", "is_revoked": False}


def test_avro_is_shown_as_json() -> None:
    """By the record's name."""
    found = contents_of(Codec().encode(API_KEY, KEY), Codec())

    assert found.kind == "Avro ApiKey"
    assert '"key_id": "k1"' in found.text


def test_json_is_shown_as_it_is() -> None:
    """Laid out."""
    assert contents_of(b'{"a":[1]}', Codec()) == ("JSON", '{\n  "a": [\n    1\n  ]\n}')


def test_anything_else_is_hexadecimal() -> None:
    """With what is printable beside it; nothing at all is that, too."""
    found = contents_of(b"\x00abc\xff" + b"0123456789abcdef", Codec())

    assert found.kind == "21 bytes"
    first, second = found.text.splitlines()
    assert first.startswith("00000000  00 61 62 63 ff 30")
    assert first.endswith(" .abc.0123456789a")
    assert second.startswith("00000010  62")
    assert contents_of(b"", Codec()) == ("0 bytes", "")
