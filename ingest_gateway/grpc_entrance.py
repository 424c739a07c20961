"""The door of the gRPC side: key and limits are looked at while a message is still bytes, so that nobody has the gateway decode in vain."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, NoReturn

import grpc
from google.protobuf.message import DecodeError

from contract.addresses import grpc_address
from contract.keys import Project
from contract.metrics import GATEWAY_RECEIVED_BYTES, GATEWAY_REQUESTS
from ingest_gateway.adapters.base import Decoded, Failure, FailureKind
from ingest_gateway.bodies import TOO_MUCH_HELD
from ingest_gateway.grpc_errors import refusal_of
from ingest_gateway.ingest import Ingest

Context = grpc.aio.ServicerContext[Any, Any]
Decode = Callable[[bytes], Any]


class Arrived(NamedTuple):
    """A message whose project is known and may send it."""

    project: Project
    message: Any
    size_bytes: int


class Entrance:
    """Authorises and decodes messages of one protocol."""

    def __init__(self, ingest: Ingest, protocol: str) -> None:
        self.ingest = ingest
        self.protocol = protocol

    def arrived(self, data: bytes, context: Context, headers: dict[str, str], decode: Decode) -> Arrived | Failure:
        """Return a message, or why it may not come in; each message of a stream is asked anew, so that a revoked key ends it too."""
        project = self.ingest.authorise(headers, "ingest", grpc_address(context.peer()))
        if isinstance(project, Failure):
            return project
        refusal = self.ingest.admit(project, len(data))
        if refusal is not None:
            return refusal
        GATEWAY_RECEIVED_BYTES.labels(self.protocol).inc(len(data))
        try:
            return Arrived(project, decode(data), len(data))
        except DecodeError:
            return Failure(kind=FailureKind.MALFORMED, message="the message is not the protobuf that this method takes")

    async def stored(self, arrived: Arrived, decoded: Decoded | Failure, received_at: int) -> Decoded | Failure:
        """Return `decoded` once it is stored, or why it is not; its bytes are held until then."""
        tracing = self.ingest.tracing
        if tracing is None:
            return await self._stored(arrived, decoded, received_at)
        with tracing.request("ingest", protocol=self.protocol, bytes=arrived.size_bytes):
            return await self._stored(arrived, decoded, received_at)

    async def _stored(self, arrived: Arrived, decoded: Decoded | Failure, received_at: int) -> Decoded | Failure:
        with self.ingest.holding.hold(arrived.project.project_id) as hold:
            fits = hold.more(arrived.size_bytes)
            outcome = await self.ingest.store(arrived.project, decoded, received_at) if fits else TOO_MUCH_HELD
        self.ingest.meter(arrived.project, outcome, arrived.size_bytes)
        return outcome


class RawMessages(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # only its stubs are generic
    """Leaves the messages of some services as bytes; an `Entrance` decodes them."""

    def __init__(self, service_names: tuple[str, ...]) -> None:
        self._prefixes = tuple(f"/{name}/" for name in service_names)

    async def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]], handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        """Return the handler without its decoder."""
        handler = await continuation(handler_call_details)
        if handler is None or not handler_call_details.method.startswith(self._prefixes):
            return handler
        return handler._replace(request_deserializer=None)


def headers_of(context: Context) -> dict[str, str]:
    """Return a call's text metadata; gRPC keeps the names lower-case."""
    return {name: value for name, value in context.invocation_metadata() or () if isinstance(value, str)}


async def refuse(context: Context, protocol: str, failure: Failure) -> NoReturn:
    """End the call with `failure`."""
    refusal = refusal_of(failure)
    GATEWAY_REQUESTS.labels(protocol, refusal.code.name).inc()
    await context.abort(refusal.code, refusal.message, refusal.trailers)
    raise AssertionError("abort raises")
