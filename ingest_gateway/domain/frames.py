"""Frames of the spool's journal: a length, a checksum, then topic, key and value of one Kafka record. Pure."""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

HEADER = struct.Struct(">II")
"""Payload length and CRC-32."""

LENGTHS = struct.Struct(">HI")
"""Lengths of topic and key; the value is the rest."""


class Spooled(NamedTuple):
    """One Kafka record that waits on disk."""

    topic: str
    key: str
    value: bytes


def frame(record: Spooled) -> bytes:
    """Return the frame of `record`."""
    topic, key = record.topic.encode(), record.key.encode()
    payload = LENGTHS.pack(len(topic), len(key)) + topic + key + record.value
    return HEADER.pack(len(payload), zlib.crc32(payload)) + payload


def frames(journal: bytes) -> Iterator[Spooled]:
    """Yield the records of `journal` up to the first frame that is cut off or damaged: nothing behind it was ever acknowledged."""
    start = 0
    while start + HEADER.size <= len(journal):
        length, checksum = HEADER.unpack_from(journal, start)
        payload = journal[start + HEADER.size : start + HEADER.size + length]
        if len(payload) != length or zlib.crc32(payload) != checksum:
            return
        yield _record(payload)
        start += HEADER.size + length


def _record(payload: bytes) -> Spooled:
    topic_bytes, key_bytes = LENGTHS.unpack_from(payload)
    topic_end = LENGTHS.size + topic_bytes
    key_end = topic_end + key_bytes
    return Spooled(payload[LENGTHS.size : topic_end].decode(), payload[topic_end:key_end].decode(), payload[key_end:])
