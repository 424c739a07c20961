"""Large payloads that lie in object storage: whole in a trace, as previews in lists, and never another project's."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from contract.objects import DirectoryStore, ObjectSettings
from contract.payloads import folder_of, object_key, reference_to
from tests.integration.query.served import Store, serving

TEXT = json.dumps({"q": "long" * 10_000})


@pytest.fixture
def objects(tmp_path: Path) -> ObjectSettings:
    """An empty folder of objects."""
    return ObjectSettings(object_dir=tmp_path)


@pytest.fixture
def api(store: Store, objects: ObjectSettings) -> Iterator[httpx.Client]:
    """A client of the read API over `store` and `objects`."""
    with serving(store.settings, objects) as (_, client):
        yield client


def kept(objects: ObjectSettings, project_id: str, text: str) -> str:
    """Put a payload of trace t1 into storage as the gateway does; return the reference."""
    place, reference = reference_to(folder_of("p1/t1"), text, text.encode())
    DirectoryStore(objects.object_dir).put(object_key(project_id, place), text.encode())
    return reference


def put_trace(store: Store, reference: str) -> None:
    """Store a trace and an observation that refer to a payload."""
    store.put("traces", store.trace("t1", input=reference, metadata={"big": reference, "small": "1"}))
    store.put("observations", store.observation("o1", "t1", output=reference))


def test_a_trace_comes_with_its_payloads_whole(store: Store, objects: ObjectSettings, api: httpx.Client) -> None:
    """Input, output and metadata are what the client sent, whatever row they stand in."""
    put_trace(store, kept(objects, "p1", TEXT))
    shown = api.get("/api/v1/traces/t1").json()
    assert shown["input"] == shown["metadata"]["big"] == shown["observations"][0]["output"] == json.loads(TEXT)
    assert shown["metadata"]["small"] == 1


def test_a_list_shows_previews(store: Store, objects: ObjectSettings, api: httpx.Client) -> None:
    """No object is opened for a list; it says how long the payload is and how it begins."""
    put_trace(store, kept(objects, "p1", TEXT))
    (row,) = api.get("/api/v1/traces").json()["data"]
    assert row["input"]["$sluice_payload"]["bytes"] == len(TEXT)
    assert TEXT.startswith(row["input"]["preview"])


def test_another_projects_payload_is_not_read(store: Store, objects: ObjectSettings, api: httpx.Client) -> None:
    """A reference leads into the reader's own project, so that what is missing there stays a reference."""
    reference = kept(objects, "p2", TEXT)
    put_trace(store, reference)
    shown = api.get("/api/v1/traces/t1")
    assert (shown.status_code, shown.json()["input"]) == (200, json.loads(reference))
