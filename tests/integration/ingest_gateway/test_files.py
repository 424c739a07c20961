"""Files that come with runs, over a real socket, in front of a gateway whose object storage is not there."""

import json
from typing import Any

BOUNDARY = "9adac68b96fe4a75bd89e345557c346f"


def multipart(*parts: tuple[str, bytes, str]) -> bytes:
    """Return a multipart body."""
    head = 'Content-Disposition: form-data; name="{}"\r\nContent-Type: {}'
    pieces = [f"--{BOUNDARY}\r\n{head.format(name, kind)}\r\n\r\n".encode() + content + b"\r\n" for name, content, kind in parts]
    return b"".join([*pieces, f"--{BOUNDARY}--\r\n".encode()])


def test_runs_are_stored_where_their_files_are_not(gateway: Any) -> None:
    """Both runs are acknowledged; the one with a file says that it is not kept, and why."""
    body = multipart(
        ("post.a", json.dumps({"id": "a", "trace_id": "a", "name": "one", "run_type": "tool"}).encode(), "application/json"),
        ("attachment.a.note", b"remember", "text/plain"),
        ("post.b", json.dumps({"id": "b", "trace_id": "a", "parent_run_id": "a", "name": "two"}).encode(), "application/json"),
    )
    answer = gateway.post(body, "/langsmith/runs/multipart", content_type=f"multipart/form-data; boundary={BOUNDARY}")

    assert answer.status == 202
    stored = {event.fields["name"]: event for event in gateway.publisher.events if event.entity == "observation"}
    assert set(stored) == {"one", "two"}
    assert json.loads(stored["one"].fields["metadata"]["attachment.note"]) == {
        "mime_type": "text/plain",
        "bytes": 8,
        "is_kept": False,
        "reason": "there is no object storage",
    }
