"""HTTPS at the gateway, for clients that will not speak to anything else."""

import json
import ssl
import subprocess
import sys
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import grpc
import pytest

from contract.generated import ingest_pb2, ingest_pb2_grpc
from sluice.embedded.endpoints import Endpoints
from tests.certificates import Authority, Pair
from tests.embedded.reading import await_that, get
from tests.embedded.second_gateway import second_gateway
from tests.embedded.tenants import call
from tests.https_server import https_server

pytestmark = [pytest.mark.embedded]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Return an authority for this test's certificates."""
    return Authority(tmp_path)


def settings_of(pair: Pair) -> dict[str, str]:
    """Return the gateway's settings with a certificate."""
    return {"GATEWAY_TLS_CERT_FILE": str(pair.chain), "GATEWAY_TLS_KEY_FILE": str(pair.key)}


def secure_stub(where: Endpoints, authority: Authority) -> Any:
    """Return a client of the gRPC port that speaks TLS."""
    trusting = grpc.ssl_channel_credentials(authority.ca_file.read_bytes())
    channel = grpc.secure_channel(f"127.0.0.1:{where.processes['grpc_tls_port']}", trusting)
    return ingest_pb2_grpc.IngestStub(channel)  # type: ignore[no-untyped-call]


def test_events_are_taken_over_https_and_grpc_with_tls(stack: Endpoints, tmp_path: Path, authority: Authority) -> None:
    """With a certificate the gateway answers both beside HTTP; the clients check the certificate."""
    trace_id = uuid.uuid4().hex
    event = {"event_id": "e", "entity": "trace", "entity_id": trace_id, "trace_id": trace_id, "name": "sealed"}
    with second_gateway(stack, tmp_path, settings_of(authority.pair("gateway"))) as endpoints:
        url = f"https://127.0.0.1:{endpoints.processes['https_port']}/v1/events"
        headers = {"authorization": f"Bearer {stack.ingest_key}", "content-type": "application/json"}
        request = urllib.request.Request(url, data=json.dumps([event]).encode(), headers=headers)
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=authority.ca_file), timeout=10) as response:
            assert json.loads(response.read())["accepted"] == 1
        events = [ingest_pb2.Event(entity=ingest_pb2.ENTITY_TRACE, entity_id=f"{trace_id}-g", name="sealed")]
        metadata = (("authorization", f"Bearer {stack.ingest_key}"),)
        assert (
            secure_stub(endpoints, authority).Ingest(ingest_pb2.IngestRequest(events=events), metadata=metadata, timeout=20).accepted == 1
        )

    assert await_that(lambda: get(stack, f"/api/v1/traces/{trace_id}")["name"] == "sealed", 20)
    assert await_that(lambda: get(stack, f"/api/v1/traces/{trace_id}-g")["name"] == "sealed", 20)


def test_with_tls_only_no_key_is_taken_in_clear(stack: Endpoints, tmp_path: Path, authority: Authority) -> None:
    """The plain ports answer probes and nothing else; gRPC has none."""
    settings = {**settings_of(authority.pair("gateway")), "GATEWAY_TLS_ONLY": "true"}
    with second_gateway(stack, tmp_path, settings) as endpoints:
        assert call(endpoints, "GET", "/readyz", None, None).status == 200
        assert call(endpoints, "POST", "/v1/events", b"[]", stack.ingest_key).status == 404
        with grpc.insecure_channel(endpoints.gateway_grpc) as channel:
            stub = ingest_pb2_grpc.IngestStub(channel)  # type: ignore[no-untyped-call]
            with pytest.raises(grpc.RpcError) as caught:
                stub.Ingest(ingest_pb2.IngestRequest(), timeout=20)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        metadata = (("authorization", f"Bearer {stack.ingest_key}"),)
        assert secure_stub(endpoints, authority).Ingest(ingest_pb2.IngestRequest(), metadata=metadata, timeout=20).accepted == 0


def test_reads_go_over_https_to_a_read_api_that_shows_its_certificate(stack: Endpoints, tmp_path: Path, authority: Authority) -> None:
    """The gateway checks it: with another authority it does not pass a key on."""
    pair, answer = authority.pair("query"), b'{"data": [], "next_cursor": null}'
    for trusted, status in ((authority, 200), (Authority(tmp_path, "another"), 502)):
        with https_server(pair, 200, answer) as visits:
            settings = {"QUERY_URL": f"https://127.0.0.1:{visits.port}", "QUERY_CA_FILE": str(trusted.ca_file)}
            with second_gateway(stack, tmp_path, settings) as endpoints:
                assert call(endpoints, "GET", "/api/v1/traces", None, stack.read_key).status == status
            assert len(visits.paths) == (1 if status == 200 else 0)


def test_half_a_certificate_is_refused_by_name(tmp_path: Path) -> None:
    """Exit status 2 and both variables' names."""
    environ = {"PATH": "", "GATEWAY_TLS_CERT_FILE": str(tmp_path / "chain.pem"), "GATEWAY_HTTP_PORT": "0"}
    done = subprocess.run((sys.executable, "-m", "ingest_gateway"), env=environ, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 2
    assert "GATEWAY_TLS_KEY_FILE" in done.stderr
