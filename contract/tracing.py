"""Traces of the pipeline itself, by OpenTelemetry: a span per sampled request at the gateway, per batch at processor and sink.

Off unless PIPELINE_TRACES_ENDPOINT is set, and then nothing of OpenTelemetry is even imported: `tracing` returns None, and callers ask for
that alone. W3C context travels in Kafka's record headers; only sampled requests write one, so the gateway decides for all.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from contract.letters import Headers
from contract.settings import env

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, SpanContext

TRACEPARENT = "traceparent"
MOST_LINKS = 32
NS_PER_SECOND = 1_000_000_000

KafkaHeaders = list[tuple[str, str | bytes | None]]
Value = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingSettings:
    """Where the pipeline's own traces go, and how many requests have one."""

    endpoint: str | None = env("PIPELINE_TRACES_ENDPOINT")
    ratio: float = env("PIPELINE_TRACES_RATIO")


def traceparent_of(headers: Headers | None) -> str | None:
    """Return the W3C context in a Kafka record's headers, if it has one."""
    for name, value in headers or ():
        if name == TRACEPARENT and value is not None:
            return value if isinstance(value, str) else value.decode("latin-1")
    return None


def tracing(settings: TracingSettings, service: str) -> "Tracing | None":
    """Return what makes spans, or None where they are off."""
    if settings.endpoint is None:
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  only where it is on

    return Tracing(OTLPSpanExporter(endpoint=settings.endpoint), settings.ratio, service)


class Tracing:
    """Makes spans and hands them to an exporter on a thread of its own; what it cannot send it drops."""

    def __init__(self, exporter: "SpanExporter", ratio: float, service: str) -> None:
        from opentelemetry import trace  # noqa: PLC0415  only where tracing is on
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased  # noqa: PLC0415

        self._api = trace
        resource = Resource.create({"service.name": f"sluice-{service}", "service.version": version("sluice")})
        self._provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(ratio)), resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("sluice")

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

    @contextmanager
    def request(self, name: str, **attributes: Value) -> Iterator["Span"]:
        """Make a span of what runs inside; a trace of its own, whatever a client sends: sampling is not a stranger's to decide."""
        from opentelemetry.context import Context  # noqa: PLC0415

        kind = self._api.SpanKind.SERVER
        with self._tracer.start_as_current_span(name, context=Context(), kind=kind, attributes=attributes) as span:
            yield span

    def headers(self) -> KafkaHeaders | None:
        """Return the headers that carry the present span on, None where it is not sampled."""
        return headers_of(self._api.get_current_span())

    def batch(self, name: str, traceparents: Iterable[str], **attributes: Value) -> "Span | None":
        """Start a span of a batch, None where no record in it is sampled. It continues the first record's trace and links the others'."""
        contexts = [context for context in map(self._context_of, dict.fromkeys(traceparents)) if context is not None]
        if not contexts:
            return None
        return self._started(name, contexts, attributes, None)

    def finished_batch(self, name: str, traceparents: Iterable[str], seconds: float, now_ns: int, **attributes: Value) -> None:
        """Make a span of a batch that took `seconds` until `now_ns`."""
        contexts = [context for context in map(self._context_of, dict.fromkeys(traceparents)) if context is not None]
        if contexts:
            span = self._started(name, contexts, attributes, now_ns - round(seconds * NS_PER_SECOND))
            span.end(now_ns)

    def _started(self, name: str, contexts: list["SpanContext"], attributes: Mapping[str, Value], start_ns: int | None) -> "Span":
        first, *others = contexts
        parent = self._api.set_span_in_context(self._api.NonRecordingSpan(first))
        links = [self._api.Link(context) for context in others[:MOST_LINKS]]
        kind = self._api.SpanKind.CONSUMER
        return self._tracer.start_span(name, context=parent, kind=kind, links=links, attributes=dict(attributes), start_time=start_ns)

    def _context_of(self, traceparent: str) -> "SpanContext | None":
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        carrier: dict[str, Any] = {TRACEPARENT: traceparent}
        context = self._api.get_current_span(TraceContextTextMapPropagator().extract(carrier)).get_span_context()
        return context if context.is_valid and context.trace_flags.sampled else None


def headers_of(span: "Span") -> KafkaHeaders | None:
    """Return the headers that carry `span` on, None where it is not sampled."""
    context = span.get_span_context()
    if not span.is_recording() or not context.trace_flags.sampled:
        return None
    return [(TRACEPARENT, f"00-{context.trace_id:032x}-{context.span_id:016x}-01".encode())]
