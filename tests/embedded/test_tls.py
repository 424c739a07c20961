"""HTTPS at the gateway, for clients that will not speak to anything else."""

import datetime as dt
import ipaddress
import json
import ssl
import subprocess
import sys
import urllib.request
import uuid
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sluice.embedded.endpoints import Endpoints
from tests.embedded.reading import await_that, get
from tests.embedded.second_gateway import second_gateway

pytestmark = [pytest.mark.embedded]


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Return a certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain_file, key_file = folder / "chain.pem", folder / "key.pem"
    chain_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key_file.write_bytes(key.private_bytes(*private))
    return chain_file, key_file


def test_events_are_taken_over_https(stack: Endpoints, tmp_path: Path) -> None:
    """With a certificate the gateway answers HTTPS beside HTTP; the client checks the certificate."""
    chain_file, key_file = self_signed(tmp_path)
    trace_id = uuid.uuid4().hex
    event = {"event_id": "e", "entity": "trace", "entity_id": trace_id, "trace_id": trace_id, "name": "sealed"}
    tls = {"GATEWAY_TLS_CERT_FILE": str(chain_file), "GATEWAY_TLS_KEY_FILE": str(key_file)}
    with second_gateway(stack, tmp_path, tls) as endpoints:
        url = f"https://127.0.0.1:{endpoints.processes['https_port']}/v1/events"
        headers = {"authorization": f"Bearer {stack.ingest_key}", "content-type": "application/json"}
        request = urllib.request.Request(url, data=json.dumps([event]).encode(), headers=headers)
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=chain_file), timeout=10) as response:
            assert json.loads(response.read())["accepted"] == 1

    assert await_that(lambda: get(stack, f"/api/v1/traces/{trace_id}")["name"] == "sealed", 10)


def test_half_a_certificate_is_refused_by_name(tmp_path: Path) -> None:
    """Exit status 2 and both variables' names."""
    environ = {"PATH": "", "GATEWAY_TLS_CERT_FILE": str(tmp_path / "chain.pem"), "GATEWAY_HTTP_PORT": "0"}
    done = subprocess.run((sys.executable, "-m", "ingest_gateway"), env=environ, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 2
    assert "GATEWAY_TLS_KEY_FILE" in done.stderr
