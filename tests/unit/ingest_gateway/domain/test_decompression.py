"""Content-Encoding: undone exactly, never beyond the limit."""

import gzip
import zlib

import pytest
import zstandard

from ingest_gateway.domain.decompression import BrokenEncodingError, TooLargeError, UnknownEncodingError, decompressed

CONTENT = b"hello, " * 1_000
LIMIT_BYTES = len(CONTENT) * 2
ZSTD = zstandard.ZstdCompressor().compress(CONTENT)
UNSIZED_ZSTD = zstandard.ZstdCompressor(write_content_size=False).compress(CONTENT)


@pytest.mark.parametrize(
    ("encoding", "body", "expected"),
    [
        ("", CONTENT, CONTENT),
        ("identity", CONTENT, CONTENT),
        ("gzip", gzip.compress(CONTENT), CONTENT),
        ("X-GZIP", gzip.compress(CONTENT), CONTENT),
        ("gzip", gzip.compress(CONTENT) + gzip.compress(CONTENT), CONTENT * 2),
        ("gzip", gzip.compress(CONTENT) + b"\0" * 7, CONTENT),
        ("deflate", zlib.compress(CONTENT), CONTENT),
        ("deflate", zlib.compress(CONTENT, wbits=-15), CONTENT),
        ("zstd", ZSTD, CONTENT),
        ("zstd", UNSIZED_ZSTD, CONTENT),
        ("zstd", UNSIZED_ZSTD + ZSTD, CONTENT * 2),
        ("deflate, gzip", gzip.compress(zlib.compress(CONTENT)), CONTENT),
    ],
)
def test_content_comes_back(encoding: str, body: bytes, expected: bytes) -> None:
    """Whatever form of the encoding a client has chosen."""
    assert decompressed(body, encoding, LIMIT_BYTES) == expected


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"\0" * 30_000_000)),
        ("gzip", gzip.compress(CONTENT) * 3),
        ("deflate", zlib.compress(b"\0" * 30_000_000)),
        ("zstd", zstandard.ZstdCompressor().compress(b"\0" * 30_000_000)),
        ("zstd", zstandard.ZstdCompressor(write_content_size=False).compress(b"\0" * 30_000_000)),
        ("zstd", ZSTD * 3),
    ],
)
def test_a_bomb_is_refused(encoding: str, body: bytes) -> None:
    """By what it inflates to, in one piece or in several."""
    with pytest.raises(TooLargeError):
        decompressed(body, encoding, LIMIT_BYTES)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", b"nonsense"),
        ("gzip", gzip.compress(CONTENT)[:-9]),
        ("deflate", b"nonsense"),
        ("deflate", zlib.compress(CONTENT)[:-1]),
        ("zstd", b"nonsense"),
        ("zstd", UNSIZED_ZSTD[:-1]),
    ],
)
def test_broken_bytes_are_named(encoding: str, body: bytes) -> None:
    """Among them content that ends too early."""
    with pytest.raises(BrokenEncodingError):
        decompressed(body, encoding, LIMIT_BYTES)


@pytest.mark.parametrize("encoding", ["br", "gzip, snappy", "gzip, gzip, gzip"])
def test_unknown_encodings_are_refused(encoding: str) -> None:
    """So are more layers than anybody needs."""
    with pytest.raises(UnknownEncodingError):
        decompressed(CONTENT, encoding, LIMIT_BYTES)
