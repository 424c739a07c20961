"""An Apache Kafka that wants TLS and passwords, or client certificates, as production's do."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._scram import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from contract.web import free_port
from sluice.embedded import jars, kafka
from sluice.fetching import fetch_with_progress
from tests.certificates import Authority, Pair

USER, PASSWORD = "sluice", "correct horse battery staple"
UP_WITHIN_SECONDS = 90
STOPPED_WITHIN_SECONDS = 30
PLAIN_MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"
SCRAM_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule"


@dataclass(frozen=True, slots=True)
class SecureKafka:
    """A running broker and what its clients need."""

    authority: Authority
    client: Pair
    ports: dict[str, int]

    def environ(self, protocol: str, mechanism: str = "SCRAM-SHA-512") -> dict[str, str]:
        """Return the settings of a service that reaches it by `protocol`."""
        said = {
            "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{self.ports[protocol]}",
            "KAFKA_SECURITY_PROTOCOL": protocol,
            "TOPIC_PARTITIONS": "3",
        }
        if protocol.startswith("SASL"):
            said |= {"KAFKA_SASL_MECHANISM": mechanism, "KAFKA_SASL_USERNAME": USER, "KAFKA_SASL_PASSWORD": PASSWORD}
        if protocol.endswith("SSL"):
            said |= {"KAFKA_SSL_CA_FILE": str(self.authority.ca_file)}
        if protocol == "SSL":
            said |= {"KAFKA_SSL_CERT_FILE": str(self.client.chain), "KAFKA_SSL_KEY_FILE": str(self.client.key)}
        return said


@contextmanager
def secure_kafka(folder: Path) -> Iterator[SecureKafka]:
    """Run a broker: SASL_SSL and SASL_PLAINTEXT with SCRAM or PLAIN, SSL with client certificates."""
    authority = Authority(folder)
    ports = {name: free_port() for name in ("SASL_SSL", "SSL", "SASL_PLAINTEXT", "PLAINTEXT", "CONTROLLER")}
    more = _properties(authority, authority.pair("broker"), ports)
    broker = kafka.Broker(
        folder=folder / "kafka", port=ports["PLAINTEXT"], controller_port=ports["CONTROLLER"], heap_mb=256, partitions=3, more=more
    )
    broker.folder.mkdir()
    log, class_path = folder / "kafka.log", fetch_with_progress(jars.locked(), jars.default_repository())
    kafka.prepare(broker, class_path, log)
    with log.open("ab") as out:
        process = subprocess.Popen(kafka.command(broker, class_path), stdout=out, stderr=out)
    try:
        assert kafka.Probe({"bootstrap.servers": broker.bootstrap_servers}).await_ready(UP_WITHIN_SECONDS), log.read_text()[-3000:]
        _add_user(broker.bootstrap_servers)
        yield SecureKafka(authority, authority.pair("client"), ports)
    finally:
        process.terminate()
        process.wait(STOPPED_WITHIN_SECONDS)


def _properties(authority: Authority, server: Pair, ports: Mapping[str, int]) -> dict[str, str]:
    """Return the listeners; the one without TLS is the broker's own and the test's, to add the user."""
    names = [name for name in ports if name != "CONTROLLER"]
    listeners = ",".join(f"{name}://127.0.0.1:{ports[name]}" for name in names)
    plain = f'{PLAIN_MODULE} required user_{USER}="{PASSWORD}";'
    passwords = {
        f"listener.name.{name}.{mechanism}.sasl.jaas.config": jaas
        for name in ("sasl_ssl", "sasl_plaintext")
        for mechanism, jaas in (("plain", plain), ("scram-sha-512", f"{SCRAM_MODULE} required;"))
    }
    return {
        "listeners": f"{listeners},CONTROLLER://127.0.0.1:{ports['CONTROLLER']}",
        "advertised.listeners": listeners,
        "listener.security.protocol.map": ",".join(f"{name}:{name}" for name in names) + ",CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(server.both),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.ca_file),
        "listener.name.ssl.ssl.client.auth": "required",
        **passwords,
    }


def _add_user(bootstrap_servers: str) -> None:
    secret = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    wanted = UserScramCredentialUpsertion(USER, secret, PASSWORD.encode())
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    for made in admin.alter_user_scram_credentials([wanted]).values():
        made.result(UP_WITHIN_SECONDS)
