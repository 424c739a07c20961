"""sluice.v1.Ingest over gRPC: one request and its answer, or a stream of both."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, NoReturn

import grpc

from contract.generated import ingest_pb2, ingest_pb2_grpc
from contract.keys import Project
from contract.metrics import GATEWAY_RECEIVED_BYTES, GATEWAY_REQUESTS
from ingest_gateway.adapters import native_grpc
from ingest_gateway.adapters.base import Failure
from ingest_gateway.grpc_errors import refusal_of
from ingest_gateway.ingest import Ingest

STREAM_WINDOW = 32
"""Requests of one stream that may wait for Kafka at a time."""

Context = grpc.aio.ServicerContext[Any, Any]


def headers_of(context: Context) -> dict[str, str]:
    """Return a call's text metadata; gRPC keeps the names lower-case."""
    return {name: value for name, value in context.invocation_metadata() or () if isinstance(value, str)}


async def refuse(context: Context, protocol: str, failure: Failure) -> NoReturn:
    """End the call with `failure`."""
    refusal = refusal_of(failure)
    GATEWAY_REQUESTS.labels(protocol, refusal.code.name).inc()
    await context.abort(refusal.code, refusal.message, refusal.trailers)
    raise AssertionError("abort raises")


class IngestService(ingest_pb2_grpc.IngestServicer):
    """Stores events; good ones are stored whatever their neighbours are."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest

    async def Ingest(self, request: ingest_pb2.IngestRequest, context: Context) -> ingest_pb2.IngestResponse:  # noqa: N802  gRPC's name
        """Answer one request."""
        answer = await self._answer(request, headers_of(context))
        if isinstance(answer, Failure):
            await refuse(context, native_grpc.PROTOCOL, answer)
        return answer

    async def IngestStream(  # noqa: N802  gRPC's name
        self, requests: AsyncIterator[ingest_pb2.IngestRequest], context: Context
    ) -> ingest_pb2.IngestResponse:
        """Answer a whole stream at once: what every event came to, in order; a request that fails as a whole ends the call."""
        together = ingest_pb2.IngestResponse()
        async for answer in self._answers(requests, context):
            together.MergeFrom(ingest_pb2.IngestResponse(outcomes=answer.outcomes))
            together.accepted += answer.accepted
        return together

    async def IngestExchange(  # noqa: N802  gRPC's name
        self, requests: AsyncIterator[ingest_pb2.IngestRequest], context: Context
    ) -> AsyncIterator[ingest_pb2.IngestResponse]:
        """Answer each request of a stream in order; the first that fails as a whole ends the stream."""
        async for answer in self._answers(requests, context):
            yield answer

    async def _answers(
        self, requests: AsyncIterator[ingest_pb2.IngestRequest], context: Context
    ) -> AsyncIterator[ingest_pb2.IngestResponse]:
        headers = headers_of(context)
        waiting: asyncio.Queue[asyncio.Task[ingest_pb2.IngestResponse | Failure] | None] = asyncio.Queue(STREAM_WINDOW)

        async def read() -> None:
            try:
                async for request in requests:
                    await waiting.put(asyncio.create_task(self._answer(request, headers)))
            finally:
                await waiting.put(None)

        reader = asyncio.create_task(read())
        try:
            while (task := await waiting.get()) is not None:
                answer = await task
                if isinstance(answer, Failure):
                    await refuse(context, native_grpc.PROTOCOL, answer)
                yield answer
        finally:
            reader.cancel()

    async def _answer(self, request: ingest_pb2.IngestRequest, headers: Mapping[str, str]) -> ingest_pb2.IngestResponse | Failure:
        """Authorise each request anew, so that a revoked key ends a stream too."""
        project = self._ingest.authorise(headers, "ingest")
        if isinstance(project, Failure):
            return project
        return await self._stored(request, project)

    async def _stored(self, request: ingest_pb2.IngestRequest, project: Project) -> ingest_pb2.IngestResponse | Failure:
        size_bytes = request.ByteSize()
        GATEWAY_RECEIVED_BYTES.labels(native_grpc.PROTOCOL).inc(size_bytes)
        received_at = self._ingest.clock()
        decoded = native_grpc.decode(request, received_at, self._ingest.limits)
        outcome = await self._ingest.store(project, decoded, size_bytes, received_at)
        self._ingest.meter(project, outcome, size_bytes)
        if isinstance(outcome, Failure):
            return outcome
        GATEWAY_REQUESTS.labels(native_grpc.PROTOCOL, "OK").inc()
        return native_grpc.encode(request, outcome)
