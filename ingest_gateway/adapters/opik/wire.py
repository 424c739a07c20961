"""What Opik's REST API calls its things (opik 2.2.122, rest_api/types); fields it does not know are let be, null says nothing."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

Json = msgspec.Raw | msgspec.UnsetType


class Written(msgspec.Struct, kw_only=True):
    """What a trace and a span have in common, created or updated."""

    id: str | None = None
    project_name: str | None = None
    project_id: str | None = None
    name: str | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    last_updated_at: datetime | None = None
    input: Json = msgspec.UNSET
    output: Json = msgspec.UNSET
    metadata: Json = msgspec.UNSET
    tags: list[str] | None = None
    tags_to_add: list[str] | None = None
    error_info: Json = msgspec.UNSET
    ttft: float | None = None
    """Time to first token, milliseconds."""

    source: str | None = None
    environment: str | None = None


class TraceWritten(Written, kw_only=True):
    """TraceWrite and TraceUpdate."""

    thread_id: str | None = None


class SpanWritten(Written, kw_only=True):
    """SpanWrite and SpanUpdate."""

    trace_id: str | None = None
    parent_span_id: str | None = None
    type: str | None = None
    model: str | None = None
    provider: str | None = None
    usage: dict[str, Any] | None = None
    total_estimated_cost: Decimal | None = None
    total_estimated_cost_version: str | None = None


class ErrorInfo(msgspec.Struct):
    """What went wrong."""

    exception_type: str | None = None
    message: str | None = None
    traceback: str | None = None


class FeedbackScore(msgspec.Struct, kw_only=True):
    """FeedbackScoreBatchItem, for threads FeedbackScoreBatchItemThread, and the body of a single score."""

    id: str | None = None
    thread_id: str | None = None
    project_name: str | None = None
    project_id: str | None = None
    name: str | None = None
    category_name: str | None = None
    value: float | None = None
    reason: str | None = None
    source: str | None = None
    author: str | None = None


class UploadStart(msgspec.Struct, kw_only=True):
    """The beginning of an attachment's upload; `path` is the SDK's own base URL in base64."""

    file_name: str = ""
    num_of_file_parts: int = 1
    mime_type: str | None = None
    project_name: str | None = None
    entity_type: str = ""
    entity_id: str = ""
    path: str = ""


class ProjectAsked(msgspec.Struct, kw_only=True):
    """A project that is made or looked up by name."""

    name: str | None = None
