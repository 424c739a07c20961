"""OTLP over gRPC: the Export call of traces, logs and metrics, by the adapter that serves HTTP."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from contract.metrics import GATEWAY_REQUESTS
from ingest_gateway.adapters.base import Decoded, Failure, Limits
from ingest_gateway.adapters.otlp.adapter import OTLP
from ingest_gateway.adapters.otlp.answers import LOGS, METRICS, TRACES, Signal, response_message
from ingest_gateway.adapters.otlp.grpc import decode_export, decode_logs, decode_metrics
from ingest_gateway.grpc_entrance import Context, Entrance, headers_of, refuse
from ingest_gateway.ingest import LARGE_BODY_BYTES, Ingest

Decode = Callable[[Any, int, Limits, Mapping[str, str]], Decoded | Failure]


class Service(NamedTuple):
    """One of OTLP's three services."""

    full_name: str
    message: Any
    signal: Signal
    decode: Decode
    add: Callable[[Any, grpc.aio.Server], None]


SERVICES = (
    Service(
        trace_service_pb2.DESCRIPTOR.services_by_name["TraceService"].full_name,
        trace_service_pb2.ExportTraceServiceRequest,
        TRACES,
        decode_export,
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server,
    ),
    Service(
        logs_service_pb2.DESCRIPTOR.services_by_name["LogsService"].full_name,
        logs_service_pb2.ExportLogsServiceRequest,
        LOGS,
        decode_logs,
        logs_service_pb2_grpc.add_LogsServiceServicer_to_server,
    ),
    Service(
        metrics_service_pb2.DESCRIPTOR.services_by_name["MetricsService"].full_name,
        metrics_service_pb2.ExportMetricsServiceRequest,
        METRICS,
        decode_metrics,
        metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server,
    ),
)
OTLP_SERVICE_NAMES = tuple(service.full_name for service in SERVICES)


class ExportService:
    """The servicer of one signal. Requests come as bytes, see `grpc_entrance`."""

    def __init__(self, ingest: Ingest, service: Service) -> None:
        self._ingest = ingest
        self._service = service
        self._entrance = Entrance(ingest, OTLP.name)

    async def Export(self, request: bytes, context: Context) -> Any:  # noqa: N802  gRPC's name
        """Answer one export once its events are stored; refused records are told by partial success."""
        outcome = await self._outcome(request, context, headers_of(context))
        if isinstance(outcome, Failure):
            await refuse(context, OTLP.name, outcome)
        GATEWAY_REQUESTS.labels(OTLP.name, "OK").inc()
        return response_message(self._service.signal, outcome.rejections)

    async def _outcome(self, data: bytes, context: Context, headers: dict[str, str]) -> Decoded | Failure:
        arrived = self._entrance.arrived(data, context, headers, self._service.message.FromString)
        if isinstance(arrived, Failure):
            return arrived
        received_at = self._ingest.clock()
        given = (arrived.message, received_at, self._ingest.limits, headers)
        if len(data) > LARGE_BODY_BYTES:
            decoded = await asyncio.to_thread(self._service.decode, *given)
        else:
            decoded = self._service.decode(*given)
        return await self._entrance.stored(arrived, decoded, received_at)


def add_otlp_services(server: grpc.aio.Server, ingest: Ingest) -> None:
    """Add the three services to `server`."""
    for service in SERVICES:
        service.add(ExportService(ingest, service), server)
