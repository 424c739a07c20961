"""What Faust is told of the brokers' security: the same as every other client."""

import pytest
from faust.auth import SASLCredentials, SSLCredentials
from faust.types.auth import AuthProtocol, SASLMechanism

from contract.kafka import KafkaSettings
from processors.app import faust_app
from processors.credentials import broker_credentials
from processors.settings import ProcessorSettings


def kafka(protocol: str, mechanism: str | None = "SCRAM-SHA-512") -> KafkaSettings:
    return KafkaSettings(security_protocol=protocol, sasl_mechanism=mechanism, sasl_username="worker", sasl_password="secret")


def test_a_plain_broker_takes_anybody() -> None:
    """Without a protocol there is nothing to show."""
    assert broker_credentials(kafka("PLAINTEXT")) is None


@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_a_password_is_shown_by_the_chosen_mechanism(protocol: str) -> None:
    """User, password and mechanism are the settings'; with TLS where the protocol says so."""
    given = broker_credentials(kafka(protocol))

    assert isinstance(given, SASLCredentials)
    assert (given.username, given.password, given.mechanism) == ("worker", "secret", SASLMechanism.SCRAM_SHA_512)
    assert given.protocol == AuthProtocol(protocol)
    assert (given.ssl_context is not None) == (protocol == "SASL_SSL")


def test_tls_alone_checks_the_broker() -> None:
    """The certificate and the name of the broker are verified."""
    given = broker_credentials(kafka("SSL"))

    assert isinstance(given, SSLCredentials)
    assert given.context.check_hostname


def test_the_worker_uses_them() -> None:
    """They reach Faust's consumer, not only our own producer."""
    app = faust_app(ProcessorSettings(), kafka("SASL_PLAINTEXT"))

    assert app.conf.broker_consumer is not None
    assert isinstance(app.conf.broker_credentials, SASLCredentials)
