"""How Faust's consumer reaches the brokers: the same settings that confluent-kafka gets, in Faust's own terms."""

from faust.auth import Credentials, SASLCredentials, SSLCredentials

from contract.kafka import KafkaSettings


def broker_credentials(kafka: KafkaSettings) -> Credentials | None:
    """Return what Faust authenticates with; None for a broker that takes anybody."""
    if kafka.security_protocol == "PLAINTEXT":
        return None
    context = kafka.ssl_context() if kafka.uses_tls else None
    if kafka.security_protocol == "SSL":
        return SSLCredentials(context)
    return SASLCredentials(username=kafka.sasl_username, password=kafka.sasl_password, mechanism=kafka.sasl_mechanism, ssl_context=context)
