"""Another gateway on the stack's Kafka, set up as a test needs it."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from contract.web import free_port
from sluice.embedded.endpoints import Endpoints
from sluice.embedded.plan import EMBEDDED_PARTITIONS
from tests.embedded.reading import await_that

READY_WITHIN_SECONDS = 90
PORTS = ("GATEWAY_HTTP_PORT", "GATEWAY_GRPC_PORT", "OTLP_HTTP_PORT", "GATEWAY_HTTPS_PORT", "GATEWAY_GRPC_TLS_PORT")
STOPPED_WITHIN_SECONDS = 30


@contextmanager
def second_gateway(stack: Endpoints, folder: Path, environ: Mapping[str, str] | None = None) -> Iterator[Endpoints]:
    """Yield the stack's endpoints with this gateway's addresses in place of the first one's; it has no spool."""
    ports = {name: str(free_port()) for name in PORTS}
    kafka = {"KAFKA_BOOTSTRAP_SERVERS": stack.kafka, "TOPIC_PARTITIONS": EMBEDDED_PARTITIONS}
    places = {"OBJECT_DIR": str(folder / "objects"), "QUERY_URL": stack.query_http}
    wanted = {**os.environ, **ports, **kafka, **places, **(environ or {})}
    gateway = subprocess.Popen((sys.executable, "-m", "ingest_gateway"), env=wanted, stderr=subprocess.DEVNULL)
    endpoints = msgspec.structs.replace(
        stack,
        gateway_http=f"http://127.0.0.1:{ports['GATEWAY_HTTP_PORT']}",
        gateway_grpc=f"127.0.0.1:{ports['GATEWAY_GRPC_PORT']}",
        otlp_http=f"http://127.0.0.1:{ports['OTLP_HTTP_PORT']}",
        processes={
            **stack.processes,
            "second_gateway": gateway.pid,
            "https_port": int(ports["GATEWAY_HTTPS_PORT"]),
            "grpc_tls_port": int(ports["GATEWAY_GRPC_TLS_PORT"]),
        },
    )
    try:
        await_that(lambda: _is_ready(endpoints), READY_WITHIN_SECONDS)
        yield endpoints
    finally:
        gateway.terminate()
        gateway.wait(STOPPED_WITHIN_SECONDS)


def _is_ready(endpoints: Endpoints) -> bool:
    try:
        with urllib.request.urlopen(f"{endpoints.gateway_http}/readyz", timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
