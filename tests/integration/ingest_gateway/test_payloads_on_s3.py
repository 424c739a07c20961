"""Large payloads in a real bucket: kept by the gateway, read whole by the read API, gone with their trace, and the receipt beside them."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from contract.deletion_log import deleted
from contract.events import Event, Source
from contract.keys import Project
from contract.objects import ListedStore, ObjectSettings, object_store
from contract.payloads import is_reference, project_prefix
from ingest_gateway.adapters.base import Decoded, WireRequest
from ingest_gateway.deletions import Deletions
from ingest_gateway.large_payloads import LargePayloads
from ingest_gateway.publisher import KeyedBatch
from query.payloads import Payloads

LIMIT_BYTES = 4096
TEXT = json.dumps("ä" * LIMIT_BYTES, ensure_ascii=False)
AT = "2026-11-21T12:00:00.000000Z"
GENEROUS_SECONDS = 60.0


@pytest.fixture
def store(bucket: ObjectSettings) -> Iterator[ListedStore]:
    """The bucket, without what this test has put into it afterwards."""
    found = object_store(bucket)
    yield found
    for folder in ("payloads", "deletions"):
        for key in list(found.keys(folder)):
            found.delete(key)


def keep(store: ListedStore, trace_id: str, project_id: str = "p") -> str:
    """Keep the input of one event as the gateway does; return what stands in its place."""
    event = Event(entity="observation", entity_id="o", trace_id=trace_id, event_id="e", event_time=1, fields={"input": TEXT})
    payloads = LargePayloads(store, LIMIT_BYTES, GENEROUS_SECONDS)
    kept = asyncio.run(payloads.keep(project_id, Decoded(items=[event], source=Source("native"), statements=1)))
    payloads.close()
    return str(kept.events[0].fields["input"])


def shown(store: ListedStore, reference: str, project_id: str = "p") -> str:
    """Return what a trace with this input is answered with."""
    payloads = Payloads(store, patience_seconds=GENEROUS_SECONDS)
    ((row,),) = asyncio.run(payloads.filled(project_id, [{"input": reference, "output": "", "metadata": {}}]))
    payloads.close()
    return str(row["input"])


def delete(store: ListedStore, trace_id: str) -> dict[str, Any]:
    """Delete a trace that the read API shows once; return the receipt."""
    trace = {"id": trace_id, "start_time": AT, "observations": [{"id": "o", "start_time": AT}], "scores": []}
    answers = [(200, json.dumps(trace).encode())]

    async def fetch(target: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        if "/scores" in target:
            return 200, b'{"data": []}'
        return answers.pop() if answers else (404, b"{}")

    async def publish(batches: Sequence[KeyedBatch]) -> None:
        assert batches

    handler = Deletions(store, fetch, publish, 800_000, call_seconds=GENEROUS_SECONDS, pause_seconds=0.0)
    path = f"/api/v1/traces/{trace_id}"
    project = Project("p", "P", "pk")
    request = WireRequest(method="DELETE", path=path, headers={}, query={}, body=b"", received_at=1, project=project)
    answer = asyncio.run(handler.take(request))
    assert answer.status == 200, answer.body
    return dict(json.loads(answer.body))


def test_a_payload_comes_back_whole_from_a_bucket(store: ListedStore) -> None:
    """What the gateway put there is what the reader gets, and another project gets the reference."""
    reference = keep(store, "t1")

    assert is_reference(reference)
    assert shown(store, reference) == TEXT
    assert shown(store, reference, "q") == reference


def test_a_trace_is_deleted_from_a_bucket_with_its_payloads(store: ListedStore) -> None:
    """Its own objects go, another trace's and another project's stay; log and receipt are objects too."""
    gone, stays, others = keep(store, "t1"), keep(store, "t2"), keep(store, "t1", "q")

    receipt = delete(store, "t1")

    assert (receipt["traces"], receipt["observations"], receipt["objects"]) == (1, 1, 1)
    assert receipt["finished_at"]
    assert shown(store, gone) == gone
    assert (shown(store, stays), shown(store, others, "q")) == (TEXT, TEXT)
    assert len(list(store.keys(project_prefix("p")))) == 1
    assert "p/t1" in str(deleted(store))
