"""The whole stack on a Kafka that wants TLS with passwords or with client certificates, as production's do."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from contract.kafka import KafkaSettings, create_topics
from contract.settings import load
from contract.topics import topics
from sluice.embedded import running
from tests.certificates import Authority
from tests.embedded.reading import await_that
from tests.embedded.secure_kafka import PASSWORD, SecureKafka, secure_kafka
from tests.embedded.tenants import call

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(300)]

STORED_WITHIN_SECONDS = 60


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """Run the broker once for this module."""
    with secure_kafka(tmp_path_factory.mktemp("secure-kafka")) as running_broker:
        yield running_broker


@pytest.mark.parametrize("protocol", ["SASL_SSL", "SSL"])
def test_an_event_goes_from_gateway_to_store(broker: SecureKafka, tmp_path: Path, protocol: str) -> None:
    """Gateway, worker with its tables, both sinks, read API and the command line all reach such brokers; no log holds the password."""
    environ = broker.environ(protocol)
    stack = running.start(tmp_path / "stack", environ)
    try:
        where, trace_id = stack.endpoints, uuid.uuid4().hex
        events = [
            {"entity": "trace", "entity_id": trace_id, "name": "sealed", "session_id": trace_id},
            {"entity": "observation", "entity_id": f"{trace_id}-o", "trace_id": trace_id, "kind": "generation", "usage": {"input": 3}},
        ]
        assert call(where, "POST", "/v1/events", events, where.ingest_key).status == 200

        def is_counted() -> bool:
            session = call(where, "GET", f"/api/v1/sessions/{trace_id}", None, where.read_key)
            return session.status == 200 and session.json["observation_count"] == 1

        assert await_that(is_counted, STORED_WITHIN_SECONDS)
        listed = subprocess.run(
            (sys.executable, "-m", "sluice", "projects", "list"), env={**os.environ, **environ}, capture_output=True, text=True, check=False
        )
        assert "demo" in listed.stdout, listed.stderr
    finally:
        stack.stop()
    assert not [log.name for log in stack.data.logs.glob("*.log") if PASSWORD in log.read_text()]


@pytest.mark.parametrize(
    ("protocol", "mechanism"), [("SASL_SSL", "PLAIN"), ("SASL_PLAINTEXT", "SCRAM-SHA-512"), ("SASL_PLAINTEXT", "PLAIN")]
)
def test_other_ways_to_log_in_work(broker: SecureKafka, protocol: str, mechanism: str) -> None:
    """By the same settings."""
    settings = load(KafkaSettings, broker.environ(protocol, mechanism))

    create_topics(settings, topics(settings.partitions, 1))

    assert "events" in AdminClient(settings.connection()).list_topics(timeout=20).topics


@pytest.mark.parametrize("wrong", ["password", "authority", "no certificate"])
def test_a_wrong_secret_or_an_unknown_authority_gets_nowhere(broker: SecureKafka, tmp_path: Path, wrong: str) -> None:
    """Neither a broker that cannot prove itself, nor one that does not know us, is spoken to."""
    environ = broker.environ("SSL" if wrong == "no certificate" else "SASL_SSL")
    if wrong == "password":
        environ["KAFKA_SASL_PASSWORD"] = "guess"
    elif wrong == "authority":
        environ["KAFKA_SSL_CA_FILE"] = str(Authority(tmp_path, "another").ca_file)
    else:
        environ = {name: value for name, value in environ.items() if name not in ("KAFKA_SSL_CERT_FILE", "KAFKA_SSL_KEY_FILE")}
    settings = load(KafkaSettings, environ)

    with pytest.raises(KafkaException):
        AdminClient(settings.connection()).list_topics(timeout=5)
