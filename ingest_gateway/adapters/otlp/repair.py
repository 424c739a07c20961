"""Protobuf with text that is not UTF-8: read with every string as bytes, mended with U+FFFD, read again.

The protobuf runtime refuses the whole message over one bad byte; exporters written in C++, Rust and Go do send such bytes.
"""

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor

STRING = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
BYTES = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES


def mended(message_class: Any, body: bytes) -> Any:
    """Parse `body` as `message_class`, replacing what is not UTF-8; raise DecodeError where that is not what is wrong."""
    lenient, texts = _lenient(message_class.DESCRIPTOR)
    message = lenient.FromString(body)
    _mend(message, texts)
    return message_class.FromString(message.SerializeToString())


@cache
def _lenient(descriptor: Descriptor) -> tuple[Any, frozenset[str]]:
    """Return a twin of the message class whose strings are bytes, and the full names of those fields."""
    pool = descriptor_pool.DescriptorPool()
    texts: set[str] = set()
    _add(descriptor.file, pool, set(), texts)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(descriptor.full_name)), frozenset(texts)


def _add(file: FileDescriptor, pool: descriptor_pool.DescriptorPool, added: set[str], texts: set[str]) -> None:
    if file.name in added:
        return
    added.add(file.name)
    for dependency in file.dependencies:
        _add(dependency, pool, added, texts)
    copy = descriptor_pb2.FileDescriptorProto()
    file.CopyToProto(copy)
    for message in copy.message_type:
        _loosen(message, f"{copy.package}.{message.name}", texts)
    pool.Add(copy)


def _loosen(message: descriptor_pb2.DescriptorProto, full_name: str, texts: set[str]) -> None:
    for field in message.field:
        if field.type == STRING:
            field.type = BYTES
            texts.add(f"{full_name}.{field.name}")
    for nested in message.nested_type:
        _loosen(nested, f"{full_name}.{nested.name}", texts)


def _mend(message: Any, texts: frozenset[str]) -> None:
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in value if field.is_repeated else (value,):
                _mend(inner, texts)
        elif field.full_name in texts:
            _mend_field(message, field, value)


def _mend_field(message: Any, field: FieldDescriptor, value: Any) -> None:
    if field.is_repeated:
        value[:] = [_mended_text(item) for item in value]
    else:
        setattr(message, field.name, _mended_text(value))


def _mended_text(text: bytes) -> bytes:
    return text.decode("utf-8", "replace").encode()
