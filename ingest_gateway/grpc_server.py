"""The gateway's gRPC side, on the event loop of the HTTP side: OTLP, sluice.v1.Ingest, health, reflection."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass

import grpc
from grpc_health.v1 import _async, health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from contract.generated import ingest_pb2, ingest_pb2_grpc
from contract.web import Certificate, HealthChecks
from ingest_gateway.grpc_entrance import RawMessages
from ingest_gateway.grpc_ingest import IngestService
from ingest_gateway.grpc_otlp import OTLP_SERVICE_NAMES, add_otlp_services
from ingest_gateway.ingest import Ingest

logger = logging.getLogger(__name__)

HEALTH_INTERVAL_SECONDS = 0.5
INGEST_SERVICE_NAME = ingest_pb2.DESCRIPTOR.services_by_name["Ingest"].full_name
SERVICE_NAMES = (INGEST_SERVICE_NAME, *OTLP_SERVICE_NAMES)
WHOLE_SERVER = ""


@dataclass(frozen=True, slots=True)
class TlsPort:
    """Where gRPC is spoken over TLS, and with which certificate."""

    port: int
    certificate: Certificate


class GrpcServer:
    """Listens on `host:port`, over TLS where it is given `tls`; port 0 picks a free one, and `ports` tells which once started.

    A port of None is not listened on.
    """

    def __init__(
        self, ingest: Ingest, checks: HealthChecks, host: str, port: int | None, max_body_bytes: int, tls: TlsPort | None = None
    ) -> None:
        self.ports: dict[str, int] = {}
        self._host = host
        self._port = port
        self._tls = tls
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
        """Listen. Raises OSError where a port is taken or the certificate cannot be read."""
        if self._port is not None:
            self.ports["grpc"] = self._listen(self._port, None)
        if self._tls is not None:
            certificate = self._tls.certificate
            pair = (certificate.key.read_bytes(), certificate.chain.read_bytes())
            self.ports["grpc_tls"] = self._listen(self._tls.port, grpc.ssl_server_credentials([pair]))
        await self._tell_health()
        await self._server.start()
        self._health_task = asyncio.create_task(self._follow_health())

    @property
    def port(self) -> int:
        """Return the port without TLS."""
        return self.ports["grpc"]

    def _listen(self, port: int, credentials: grpc.ServerCredentials | None) -> int:
        address = f"{self._host}:{port}"
        try:
            return self._server.add_secure_port(address, credentials) if credentials else self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(f"gRPC cannot listen on {address}: {error}") from error

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
