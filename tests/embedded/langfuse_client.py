"""The newest Langfuse SDK in this process."""

from collections.abc import Iterator
from contextlib import contextmanager

from langfuse import Langfuse
from langfuse._client.resource_manager import LangfuseResourceManager

from sluice.embedded.endpoints import Endpoints


@contextmanager
def langfuse_client(endpoints: Endpoints, environment: str) -> Iterator[Langfuse]:
    """Yield a client of its own: the SDK keeps one per public key for the whole process, with the address it was first given."""
    LangfuseResourceManager.reset()
    client = Langfuse(
        public_key=endpoints.public_key, secret_key=endpoints.ingest_key, base_url=endpoints.gateway_http, environment=environment
    )
    try:
        yield client
    finally:
        client.shutdown()
        LangfuseResourceManager.reset()
