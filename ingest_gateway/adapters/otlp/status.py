"""Level and status message of a span."""

from typing import Any

from ingest_gateway.adapters.otlp import fields
from ingest_gateway.adapters.otlp.lookup import first, first_text
from ingest_gateway.adapters.otlp.records import Span

STATUS_ERROR = 2
EXCEPTION = "exception"


def level_and_message(span: Span) -> tuple[str | None, str | None]:
    """Return the level as stated or as the status implies it, and why; None where the span says nothing."""
    attributes = span.attributes
    message = first_text(attributes, (fields.STATUS_MESSAGE,)) or span.status_message or None
    stated = attributes.get(fields.LEVEL)
    if isinstance(stated, str) and (level := fields.LEVEL_ALIASES.get(stated.upper())):
        return level, message
    if span.status_code == STATUS_ERROR or fields.ERROR_TYPE in attributes:
        return "ERROR", message or _exception(span) or first_text(attributes, (fields.ERROR_TYPE,))
    reason = _stopped_early(first(attributes, fields.FINISH_REASONS))
    return ("WARNING", message or f"finish reason: {reason}") if reason else (None, message)


def _exception(span: Span) -> str | None:
    for event in reversed(span.events):
        if event.name == EXCEPTION:
            parts = [text for key in ("exception.type", "exception.message") if (text := first_text(event.attributes, (key,)))]
            return ": ".join(parts) or None
    return None


def _stopped_early(reasons: Any) -> str | None:
    if reasons is None:
        return None
    listed = reasons if isinstance(reasons, list) else [reasons]
    return next((reason for reason in listed if isinstance(reason, str) and reason.strip('[]"') in fields.STOPPED_EARLY), None)
