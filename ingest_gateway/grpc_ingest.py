"""sluice.v1.Ingest over gRPC: one request and its answer, or a stream of both."""

import asyncio
from collections.abc import AsyncIterator

from contract.generated import ingest_pb2, ingest_pb2_grpc
from contract.metrics import GATEWAY_REQUESTS
from ingest_gateway.adapters import native_grpc
from ingest_gateway.adapters.base import Failure
from ingest_gateway.grpc_entrance import Context, Entrance, headers_of, refuse
from ingest_gateway.ingest import Ingest

STREAM_WINDOW = 32
"""Requests of one stream that may wait for Kafka at a time."""

Headers = dict[str, str]


class IngestService(ingest_pb2_grpc.IngestServicer):
    """Stores events; good ones are stored whatever their neighbours are. Requests come as bytes, see `grpc_entrance`."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest
        self._entrance = Entrance(ingest, native_grpc.PROTOCOL)

    async def Ingest(self, request: bytes, context: Context) -> ingest_pb2.IngestResponse:  # noqa: N802  gRPC's name
        """Answer one request."""
        answer = await self._answer(request, context, headers_of(context))
        if isinstance(answer, Failure):
            await refuse(context, native_grpc.PROTOCOL, answer)
        return answer

    async def IngestStream(  # noqa: N802  gRPC's name
        self, requests: AsyncIterator[bytes], context: Context
    ) -> ingest_pb2.IngestResponse:
        """Answer a whole stream at once: what every event came to, in order; a request that fails as a whole ends the call."""
        together = ingest_pb2.IngestResponse()
        async for answer in self._answers(requests, context):
            together.MergeFrom(ingest_pb2.IngestResponse(outcomes=answer.outcomes))
            together.accepted += answer.accepted
        return together

    async def IngestExchange(  # noqa: N802  gRPC's name
        self, requests: AsyncIterator[bytes], context: Context
    ) -> AsyncIterator[ingest_pb2.IngestResponse]:
        """Answer each request of a stream in order; the first that fails as a whole ends the stream."""
        async for answer in self._answers(requests, context):
            yield answer

    async def _answers(self, requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[ingest_pb2.IngestResponse]:
        headers = headers_of(context)
        waiting: asyncio.Queue[asyncio.Task[ingest_pb2.IngestResponse | Failure] | None] = asyncio.Queue(STREAM_WINDOW)

        async def read() -> None:
            try:
                async for request in requests:
                    await waiting.put(asyncio.create_task(self._answer(request, context, headers)))
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

    async def _answer(self, data: bytes, context: Context, headers: Headers) -> ingest_pb2.IngestResponse | Failure:
        arrived = self._entrance.arrived(data, context, headers, ingest_pb2.IngestRequest.FromString)
        if isinstance(arrived, Failure):
            return arrived
        received_at = self._ingest.clock()
        decoded = native_grpc.decode(arrived.message, received_at, self._ingest.limits)
        outcome = await self._entrance.stored(arrived, decoded, received_at)
        if isinstance(outcome, Failure):
            return outcome
        GATEWAY_REQUESTS.labels(native_grpc.PROTOCOL, "OK").inc()
        return native_grpc.encode(arrived.message, outcome)
