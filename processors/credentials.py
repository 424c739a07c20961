"""How Faust's consumer reaches the brokers: the same settings that confluent-kafka gets, in Faust's own terms."""

import ssl

from faust.auth import Credentials, SASLCredentials, SSLCredentials

from contract.kafka import KafkaSettings


def broker_credentials(kafka: KafkaSettings) -> Credentials | None:
    """Return what Faust authenticates with; None for a broker that takes anybody."""
    if kafka.security_protocol == "PLAINTEXT":
        return None
    context = ssl.create_default_context(cafile=kafka.ssl_ca_file) if kafka.security_protocol.endswith("SSL") else None
    if kafka.security_protocol == "SSL":
        return SSLCredentials(context)
    return SASLCredentials(
        username=kafka.sasl_username, password=kafka.sasl_password, mechanism=kafka.sasl_mechanism or "PLAIN", ssl_context=context
    )
