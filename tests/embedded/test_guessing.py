"""Guessed keys on a running gateway: slowed after a few, over HTTP and gRPC alike, while who has a key goes on."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from contract.generated import ingest_pb2, ingest_pb2_grpc
from sluice.embedded.endpoints import Endpoints
from tests.embedded.second_gateway import second_gateway
from tests.embedded.tenants import call

pytestmark = [pytest.mark.embedded]

LIMIT = 5
CLIENT = "203.0.113.7"


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for this module's gateway."""
    return tmp_path_factory.mktemp("guessing")


@pytest.fixture
def wary(stack: Endpoints, places: Path) -> Iterator[Endpoints]:
    """Run a gateway behind one proxy that takes few guesses."""
    environ = {"AUTH_FAILURE_LIMIT": str(LIMIT), "AUTH_FAILURE_WINDOW_SECONDS": "600", "TRUSTED_PROXY_HOPS": "1"}
    with second_gateway(stack, places, environ) as endpoints:
        yield endpoints


def shown(where: Endpoints, key: str, client: str, path: str = "/api/public/projects") -> int:
    """Show a key from a client's address, as the proxy in front tells it."""
    return call(where, "GET", path, None, key, {"x-forwarded-for": f"6.6.6.6, {client}"}).status


def test_guessing_is_slowed_at_every_door_and_nobody_else_is(wary: Endpoints) -> None:
    """401 a few times, then 429 on HTTP, gRPC and reads, for a right key too unless it worked from there before."""
    assert shown(wary, wary.ingest_key, CLIENT) == 200

    guesses = [shown(wary, f"sl-ingest-{uuid.uuid4().hex}", CLIENT) for _ in range(LIMIT + 3)]

    assert guesses == [401] * LIMIT + [429] * 3
    assert shown(wary, f"sl-read-{uuid.uuid4().hex}", CLIENT, "/api/v1/traces") == 429
    assert shown(wary, wary.admin_key, CLIENT) == 429
    assert shown(wary, wary.ingest_key, CLIENT) == 200
    assert shown(wary, wary.admin_key, "203.0.113.8") == 200
    with grpc.insecure_channel(wary.gateway_grpc) as channel:
        stub = ingest_pb2_grpc.IngestStub(channel)  # type: ignore[no-untyped-call]
        with pytest.raises(grpc.RpcError) as caught:
            stub.Ingest(ingest_pb2.IngestRequest(), metadata=(("x-api-key", "sl-ingest-guess"), ("x-forwarded-for", CLIENT)))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_refusal_says_how_long_to_wait(wary: Endpoints) -> None:
    """In words and as Retry-After."""
    client = "203.0.113.9"
    for _ in range(LIMIT):
        assert shown(wary, f"sl-ingest-{uuid.uuid4().hex}", client) == 401

    refused = call(wary, "POST", "/v1/events", b"[]", "sl-ingest-guess", {"x-forwarded-for": client})

    assert (refused.status, "retry-after" in refused.headers) == (429, True)
    assert "too many unknown keys" in refused.json["error"]["message"]
