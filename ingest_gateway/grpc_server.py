"""The gateway's gRPC side, on the event loop of the HTTP side: OTLP, sluice.v1.Ingest, health, reflection."""

import asyncio
import contextlib
import logging

import grpc
from grpc_health.v1 import _async, health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from contract.generated import ingest_pb2, ingest_pb2_grpc
from contract.web import HealthChecks
from ingest_gateway.grpc_entrance import RawMessages
from ingest_gateway.grpc_ingest import IngestService
from ingest_gateway.grpc_otlp import OTLP_SERVICE_NAMES, add_otlp_services
from ingest_gateway.ingest import Ingest

logger = logging.getLogger(__name__)

HEALTH_INTERVAL_SECONDS = 0.5
INGEST_SERVICE_NAME = ingest_pb2.DESCRIPTOR.services_by_name["Ingest"].full_name
SERVICE_NAMES = (INGEST_SERVICE_NAME, *OTLP_SERVICE_NAMES)
WHOLE_SERVER = ""


class GrpcServer:
    """Listens on `host:port`; port 0 picks a free one, and `port` tells which once started."""

    def __init__(self, ingest: Ingest, checks: HealthChecks, host: str, port: int, max_body_bytes: int) -> None:
        self.port = port
        self._host = host
        self._checks = checks
        self._health = _async.HealthServicer()
        self._health_task: asyncio.Task[None] | None = None
        self._server = grpc.aio.server(
            interceptors=(RawMessages(SERVICE_NAMES),),
            options=(
                ("grpc.max_receive_message_length", max_body_bytes),
                ("grpc.max_send_message_length", max_body_bytes),
                ("grpc.so_reuseport", 0),  # a taken port is an error, not a second listener
            ),
        )
        ingest_pb2_grpc.add_IngestServicer_to_server(IngestService(ingest), self._server)  # type: ignore[no-untyped-call]
        add_otlp_services(self._server, ingest)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)  # type: ignore[no-untyped-call]
        reflection.enable_server_reflection((*SERVICE_NAMES, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server)

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        try:
            self.port = self._server.add_insecure_port(f"{self._host}:{self.port}")
        except RuntimeError as error:
            raise OSError(f"gRPC cannot listen on {self._host}:{self.port}: {error}") from error
        await self._tell_health()
        await self._server.start()
        self._health_task = asyncio.create_task(self._follow_health())

    async def stop(self, grace_seconds: float) -> None:
        """Tell clients to go elsewhere, then wait up to `grace_seconds` for the calls in flight."""
        if self._health_task is not None:
            self._health_task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._health_task
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_seconds)

    async def _follow_health(self) -> None:
        while True:
            await asyncio.sleep(HEALTH_INTERVAL_SECONDS)
            await self._tell_health()

    async def _tell_health(self) -> None:
        is_ready = self._checks.ready() is None
        status = health_pb2.HealthCheckResponse.SERVING if is_ready else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in (WHOLE_SERVER, *SERVICE_NAMES):
            await self._health.set(name, status)
