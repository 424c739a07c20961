"""Attachments: taken, named on their trace, and not kept."""

from hashlib import blake2b

import msgspec

from contract.events import Event
from ingest_gateway.adapters.base import WireRequest

LONGEST_NAME = 200

_encode = msgspec.json.Encoder().encode


def attachment_events(request: WireRequest) -> list[Event]:
    """Return the mark a trace's file leaves; a span's leaves none, because its upload does not name the trace it belongs to."""
    trace_id, file_name = request.query.get("entity_id", ""), request.query.get("file_name", "")[:LONGEST_NAME]
    if request.query.get("entity_type") != "trace" or not 0 < len(trace_id) <= request.limits.max_id_length or not file_name:
        return []
    said = {"mime_type": request.query.get("mime_type", "")[:LONGEST_NAME], "bytes": len(request.body), "is_kept": False}
    digest = blake2b(request.body, digest_size=16).hexdigest()
    metadata = {f"attachment.{file_name}": _encode(said).decode()}
    return [
        Event(
            entity="trace",
            entity_id=trace_id,
            trace_id=trace_id,
            event_id=f"attachment:{trace_id}:{digest}:{file_name}",
            event_time=request.received_at,
            is_update=True,
            fields={"metadata": metadata},
        )
    ]
