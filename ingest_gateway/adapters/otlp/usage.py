"""The usage of a span by the GenAI conventions, and how its counts are understood.

By the OpenTelemetry text, cache counts are part of the input and reasoning is part of the output ("inclusive"). Older Anthropic
instrumentations count the cache beside the input ("exclusive"). Where neither the emitter nor its total tells, a cache larger
than the input means exclusive and anything else inclusive; such a guess is marked "assumed_".
"""

from ingest_gateway.adapters.otlp import fields
from ingest_gateway.adapters.otlp.records import Attributes, Scope
from ingest_gateway.domain.usage_details import INCLUSIVE, Counts, Usage, disjoint, first_count

KNOWN_SCOPES: tuple[tuple[str, tuple[int, ...], str], ...] = (
    ("pydantic-ai", (1,), INCLUSIVE),
    ("opentelemetry.instrumentation.openai", (), INCLUSIVE),
    ("opentelemetry.instrumentation.anthropic", (0, 62), INCLUSIVE),
    ("opentelemetry.instrumentation.google_genai", (), INCLUSIVE),
    ("opentelemetry.instrumentation.google_generativeai", (), INCLUSIVE),
    ("opentelemetry.instrumentation.vertexai", (), INCLUSIVE),
    ("openinference.instrumentation.openai", (), INCLUSIVE),
    ("@ai-sdk/otel", (), INCLUSIVE),
)
"""(scope name or its beginning, from which version, semantics)."""


def semantics_of(scope: Scope) -> str | None:
    """Return what is known of an emitter's counts."""
    for name, since, semantics in KNOWN_SCOPES:
        if scope.name.startswith(name) and version_of(scope.version) >= since:
            return semantics
    return None


def version_of(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version, such as (5, 0, 4)."""
    numbers = []
    for part in text.lstrip("v").split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits or len(digits) > 9:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)


def usage_of(attributes: Attributes, known: str | None) -> Usage | None:
    """Return the usage of a span by the GenAI conventions; None where it states none."""
    total = first_count(attributes, fields.TOTAL_TOKENS)
    given = first_count(attributes, fields.INPUT_TOKENS)
    produced = first_count(attributes, fields.OUTPUT_TOKENS)
    if given is None and produced is None and total is None:
        return None
    counts = Counts(
        given,
        produced,
        total,
        first_count(attributes, fields.CACHE_READ_TOKENS) or 0,
        first_count(attributes, fields.CACHE_WRITE_TOKENS) or 0,
        first_count(attributes, fields.REASONING_TOKENS) or 0,
        first_count(attributes, fields.AUDIO_INPUT_TOKENS) or 0,
        first_count(attributes, fields.AUDIO_OUTPUT_TOKENS) or 0,
    )
    return disjoint(counts, known)
