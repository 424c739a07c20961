"""Bodies nobody should send, made from a seed: broken JSON, protobuf, multipart and compression, and shapes that are nearly right."""

import gzip
import json
import random
import zlib
from collections.abc import Callable
from typing import Any

import zstandard
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

DEEP = 600
LONG = 20_000
WORDS = (
    *(
        "id",
        "trace_id",
        "traceId",
        "spans",
        "resourceSpans",
        "scopeSpans",
        "attributes",
        "batch",
        "type",
        "body",
        "entity",
        "post",
        "patch",
    ),
    *("entity_id", "event_id", "usage", "input", "output", "metadata", "start_time", "timestamp", "providerRequest", "traces", "scores"),
    *("run_type", "session_id", "name", "dotted_order", "value", "key", "stringValue", "end_time", "tags", "level", "cost", "timing"),
)
TEXTS = (
    *("", "trace", "trace-create", "observation", "llm", "../../etc/passwd", "2026-11-21T00:00:00Z", "0000-00-00", "9" * 400, "\ud800"),
    *("\x00", "1e999", "<script>", "' OR 1=1 --", "{{7*7}}", "💥" * 50, "a" * LONG, "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"),
)
NUMBERS = (0, -1, 1, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**40, 0.1, -0.0, 1e308, 5e-324)

Made = tuple[bytes, dict[str, str]]


class Maker:
    """Makes bodies; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def body(self) -> Made:
        """Return a body and the headers it is sent with."""
        kinds: tuple[Callable[[], Made], ...] = (
            self._json,
            self._json,
            self._broken_json,
            self._protobuf,
            self._multipart,
            self._bytes,
            self._lines,
        )
        body, headers = self.random.choice(kinds)()
        if self.random.random() < 0.3:
            body, encoding = self._encoded(body)
            headers["content-encoding"] = encoding
        return body, headers

    def path_part(self) -> str:
        """Return something for a path's placeholder."""
        return self.random.choice(("x", "%00", "..%2f..", "a" * 900, "%ff%fe", "5b8efff798038103d269b633813fc60c", "-", "%F0%9F%92%A5"))

    def value(self, depth: int = 0) -> Any:
        """Return a JSON value of nearly the right names."""
        pick = self.random.random()
        if depth > 5 or pick < 0.35:
            return self.random.choice((*TEXTS, *NUMBERS, None, True, False))
        if pick < 0.55:
            return [self.value(depth + 1) for _ in range(self.random.randrange(4))]
        return {self.random.choice(WORDS): self.value(depth + 1) for _ in range(self.random.randrange(6))}

    def protobuf(self) -> bytes:
        """Return a message of OTLP's, whole, cut, with bits turned, or nested beyond reason."""
        message = trace_service_pb2.ExportTraceServiceRequest()
        scope = message.resource_spans.add().scope_spans.add()
        for _ in range(self.random.randrange(1, 4)):
            span = scope.spans.add(
                trace_id=self.random.randbytes(self.random.choice((0, 7, 16, 33))), name=self.random.choice(("", "x" * LONG))
            )
            span.span_id = self.random.randbytes(self.random.choice((0, 8, 9)))
            span.start_time_unix_nano = self.random.choice((0, 1, 2**63, 2**64 - 1))
            attribute = span.attributes.add(key=self.random.choice(("", "gen_ai.usage.input_tokens", "input.value", "gen_ai.prompt")))
            value = attribute.value
            for _ in range(self.random.choice((0, 1, 20, 90))):
                value = value.array_value.values.add()
            value.double_value = self.random.choice((float("nan"), float("inf"), -1e308))
        data = bytearray(message.SerializeToString())
        for _ in range(self.random.choice((0, 1, 8))):
            data[self.random.randrange(len(data))] = self.random.randrange(256)
        return bytes(data[: self.random.choice((len(data), len(data), len(data) // 2))])

    def _json(self) -> Made:
        value = self.value()
        return json.dumps(value if self.random.random() < 0.5 else [value]).encode(), {"content-type": "application/json"}

    def _broken_json(self) -> Made:
        text = json.dumps(self.value())
        cut = self.random.randrange(len(text) + 1)
        broken = self.random.choice(
            (
                *(
                    text[:cut],
                    text + text,
                    "[" * DEEP + "]" * DEEP,
                    '{"a":' * DEEP + "1" + "}" * DEEP,
                    "{" * LONG,
                    "NaN",
                    '{"a":1,"a":2}',
                    "[1,]",
                ),
                *("\ufeff" + text, '"\\ud800"', '[{"entity":"trace","trace_id":"\\udfff"}]', "9" * LONG, "[" + "0," * LONG + "0]"),
            )
        )
        return broken.encode("utf-8", "surrogatepass"), {
            "content-type": self.random.choice(("application/json", "", "text/plain", "application/xml"))
        }

    def _protobuf(self) -> Made:
        return self.protobuf(), {"content-type": "application/x-protobuf"}

    def _multipart(self) -> Made:
        boundary = self.random.choice(("b", "--", "x" * 300, ""))
        names = self.random.choices(
            ("post.x", "patch.x", "post.x.inputs", "feedback.x", "attachment.x.y", "post", "..", "post." + "x" * LONG), k=3
        )
        parts = []
        for name in names:
            content = self.random.choice((json.dumps(self.value()).encode(), self.random.randbytes(50), b""))
            length = self.random.choice(("", f"Content-Length: {len(content) * 7}\r\n", "Content-Length: -1\r\n"))
            kind = self.random.choice(("application/json", "application/json; length=99999999", "image/png", ""))
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\nContent-Type: {kind}\r\n{length}\r\n'
            parts.append(head.encode() + content + self.random.choice((b"\r\n", b"\n", b"")))
        end = self.random.choice((f"--{boundary}--\r\n", "", f"--{boundary}")).encode()
        return b"".join(parts) + end, {"content-type": f"multipart/form-data; boundary={boundary}"}

    def _bytes(self) -> Made:
        kind = self.random.choice(
            ("application/json", "application/x-protobuf", "application/x-ndjson", "image/png", "a" * 500, "multipart/form-data")
        )
        return self.random.randbytes(self.random.choice((0, 1, 100, LONG))), {"content-type": kind}

    def _lines(self) -> Made:
        lines = [self.random.choice((json.dumps(self.value()), "", "{", "\x00", '"' * 9)) for _ in range(self.random.randrange(20))]
        return self.random.choice(("\n", "\r\n", "\r")).join(lines).encode("utf-8", "surrogatepass"), {
            "content-type": "application/x-ndjson"
        }

    def _encoded(self, body: bytes) -> tuple[bytes, str]:
        encodings: tuple[Callable[[], tuple[bytes, str]], ...] = (
            lambda: (gzip.compress(body), "gzip"),
            lambda: (gzip.compress(body)[: self.random.randrange(30)], "gzip"),
            lambda: (zlib.compress(body), "deflate"),
            lambda: (zstandard.compress(body), "zstd"),
            lambda: (zstandard.compress(body)[:-2] + b"xx", "zstd"),
            lambda: (gzip.compress(bytes(5_000_000)), "gzip"),
            lambda: (zstandard.compress(bytes(5_000_000)), "zstd"),
            lambda: (gzip.compress(gzip.compress(body)), "gzip, gzip"),
            lambda: (body, self.random.choice(("gzip", "br", "zstd", "gzip, gzip, gzip", "identity", ","))),
        )
        return self.random.choice(encodings)()
