"""Traces: created, or updated in part. A trace ends with its last span; what it says of its own end stays in the metadata."""

from collections.abc import Mapping

from contract.events import Event
from ingest_gateway.adapters.opik import dify
from ingest_gateway.adapters.opik.drafts import Delivery, draft_of, finished, keep
from ingest_gateway.adapters.opik.fields import put_ids, scalar_in
from ingest_gateway.adapters.opik.wire import TraceWritten

USER = "user_id"
DEFAULT_WORKSPACE = "default"
WORKSPACE_HEADER = "comet-workspace"


def trace_event(said: TraceWritten, original: bytes, delivery: Delivery, *, is_update: bool) -> Event:
    """Return the event of a trace; raise InvalidEventError naming the field that is wrong."""
    draft = draft_of(said, original, delivery, is_update=is_update, workspace=None if is_update else delivery.workspace)
    for name in ("end_time", "ttft"):
        value = getattr(said, name)
        if value is not None:
            keep(draft, name, value)
    put_ids(draft.fields, delivery.limits, session_id=said.thread_id, user_id=_user_of(draft.metadata))
    return finished("trace", draft, draft.entity_id, said, original, delivery, is_update=is_update)


def workspace_of(headers: Mapping[str, str]) -> str | None:
    """Return the workspace a client names, unless it is the one that everybody has."""
    name = headers.get(WORKSPACE_HEADER, "")
    return name if name and name != DEFAULT_WORKSPACE else None


def _user_of(metadata: dict[str, str]) -> str | None:
    """Opik knows no users; `user_id` in the metadata is what its users write."""
    return dify.user_of(metadata) if dify.is_dify(metadata) else scalar_in(metadata, USER)
