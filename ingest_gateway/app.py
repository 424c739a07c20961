"""The gateway put together: what is built from which settings, in which order it starts and stops."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version

from contract.codec import Codec, codec_for
from contract.control import ControlReader, Directory
from contract.doorkeeper import AccessSettings, Doorkeeper
from contract.errors import RetryableError, SettingsError
from contract.kafka import KafkaSettings, create_topics, producer
from contract.level import ObeyedLevel
from contract.metrics import GATEWAY_HELD_BYTES, GATEWAY_MAX_HELD_BYTES, export
from contract.objects import ListedStore, object_store
from contract.stopping import end_within
from contract.topics import topics
from contract.tracing import TracingSettings, tracing
from contract.web import HttpServer, health_app
from ingest_gateway.adapters.registry import ADAPTERS
from ingest_gateway.dead_letters import DeadLetters
from ingest_gateway.deletions import Deletions
from ingest_gateway.domain.admission import Admission, Holding
from ingest_gateway.domain.hot_keys import HotKeys
from ingest_gateway.domain.redaction import Redaction
from ingest_gateway.domain.shedding import Shedding
from ingest_gateway.files import Files
from ingest_gateway.forward import Forwarder
from ingest_gateway.grpc_server import GrpcServer, TlsPort
from ingest_gateway.handlers import Handler
from ingest_gateway.http_server import HttpApp
from ingest_gateway.ingest import Ingest
from ingest_gateway.journal import Journal
from ingest_gateway.large_payloads import LargePayloads
from ingest_gateway.media import LangfuseMedia
from ingest_gateway.opik_attachments import OpikAttachments
from ingest_gateway.proxy import Proxy
from ingest_gateway.publisher import KafkaPublisher
from ingest_gateway.router import Router
from ingest_gateway.seed import publish_seed, read_seed
from ingest_gateway.settings import GatewaySettings
from ingest_gateway.spool import SpoolingPublisher
from ingest_gateway.uploads import Secret, Uploads
from ingest_gateway.usage import UsageMeter

logger = logging.getLogger(__name__)

CLIENT_ID = "sluice-gateway"
PREPARE_RETRY_SECONDS = 0.5
CONTROL_WAIT_SECONDS = 30.0
PROXY_CLOSE_SECONDS = 2.0
MOST_OF_TIMEOUT = 0.8
LAST_RESORT_SECONDS = 5.0
SEED_TIMEOUT_MS = 10_000


class Gateway:
    """The running service. It comes up without Kafka, answers 503, and begins to work once Kafka is there."""

    def __init__(self, settings: GatewaySettings, kafka: KafkaSettings, access: AccessSettings) -> None:
        export("gateway")
        self._tracing = tracing(TracingSettings(endpoint=settings.traces_endpoint, ratio=settings.traces_ratio), "gateway")
        self._settings = settings
        self._kafka = kafka
        self._seed = read_seed(settings.projects_file)
        self._codec: Codec = codec_for(kafka.schema_registry_url)
        self._directory = Directory()
        self._level = ObeyedLevel(self._directory, settings.degradation_silence_seconds)
        self._control = ControlReader(kafka, self._codec, self._directory, settings.control_snapshot_file)
        self._publisher = KafkaPublisher(
            lambda on_error: producer(
                kafka,
                client_id=CLIENT_ID,
                timeout_ms=settings.produce_timeout_ms,
                linger_ms=settings.produce_linger_ms,
                queue_bytes=settings.produce_queue_bytes,
                on_error=on_error,
            ),
            self._codec,
            timeout_ms=settings.produce_timeout_ms,
            tracing=self._tracing,
            stall_seconds=settings.stall_seconds,
            release=version("sluice"),
        )
        self._spool = _spool(settings, self._publisher)
        objects = object_store(settings.objects)
        self._files = Files(objects)
        self._large_payloads = LargePayloads(objects, settings.large_payload_bytes)
        self._forwarder = Forwarder(settings.query_url, settings.query_timeout_seconds, settings.query_ca_file)
        ingest = Ingest(
            doorkeeper=Doorkeeper(self._directory, access, lambda: self._control.is_caught_up),
            publisher=self._spool or self._publisher,
            dead_letters=DeadLetters(self._spool or self._publisher, version("sluice")),
            holding=Holding(settings.max_held_bytes, settings.max_held_project_share),
            limits=settings.limits,
            record_bytes=settings.record_bytes,
            redaction=Redaction(settings.redaction_rules(), _bytes(settings.redaction_hash_key), self._directory.redaction_of),
            admission=Admission(settings.rates, settings.project_burst_seconds, self._directory.limits_of),
            shedding=Shedding(self._directory.limits_of),
            hot_keys=HotKeys(settings.hot_key_events_per_second),
            degradation=self._level.now,
            restriction_of=self._directory.restriction_of,
            usage=UsageMeter(settings.metrics_projects),
            tracing=self._tracing,
            files=self._files,
            large_payloads=self._large_payloads,
            public_key_projects=frozenset(settings.public_key_score_projects),
        )
        _show_holding(ingest.holding, settings.max_held_bytes)
        self._proxy = Proxy(ingest, settings.proxy)
        router = Router([*ADAPTERS, *_handlers(settings, objects, ingest, self._forwarder)])
        http_app = HttpApp(ingest, router, self._forwarder, self, settings.max_body_bytes, self._proxy, settings.origins())
        certificate = settings.certificate()
        plain_app = health_app(self) if settings.is_tls_only else http_app
        self._http_servers = [HttpServer(plain_app, settings.host, port) for port in (settings.http_port, settings.otlp_http_port)]
        self._https_server = HttpServer(http_app, settings.host, settings.https_port, certificate) if certificate else None
        grpc_port = None if settings.is_tls_only else settings.grpc_port
        grpc_tls = TlsPort(settings.grpc_tls_port, certificate) if certificate else None
        self._grpc_server = GrpcServer(ingest, self, settings.host, grpc_port, settings.max_body_bytes, grpc_tls)
        self._preparing: asyncio.Task[None] | None = None
        self._is_seeded = not self._seed
        self._is_stopping = False
        self.ending: asyncio.Event = asyncio.Event()
        self.mistake: SettingsError | None = None

    @property
    def ports(self) -> dict[str, int]:
        """Return what is listened on."""
        http, otlp_http = self._http_servers
        https = {"https": self._https_server.port} if self._https_server else {}
        return {"http": http.port, "otlp_http": otlp_http.port, **self._grpc_server.ports, **https}

    def _servers(self) -> list[HttpServer]:
        return [*self._http_servers, *([self._https_server] if self._https_server else [])]

    def alive(self) -> str | None:
        """Say why the process should be restarted. That this is answered at all shows that the event loop moves."""
        return None if self._is_stopping else self._publisher.fault()

    def ready(self) -> str | None:
        """Say why no traffic should come."""
        if self._is_stopping:
            return "shutting down"
        if not self._control.is_caught_up or not self._is_seeded:
            return "projects and keys are not known yet"
        return (self._spool or self._publisher).complaint()

    async def start(self) -> None:
        """Listen on all ports. Raises OSError where one is taken, SettingsError where the spool's folder is."""
        await self._publisher.start()
        if self._spool is not None:
            await self._spool.start()
        self._control.start()
        self._preparing = asyncio.create_task(self._prepare())
        for server in self._servers():
            await server.start()
        await self._grpc_server.start()
        logger.info("gateway_listening %s", " ".join(f"{name}={port}" for name, port in self.ports.items()))

    async def stop(self) -> None:
        """Go on for the accept window, then finish what is in flight and let go, all within SHUTDOWN_TIMEOUT_SECONDS."""
        self._is_stopping = True
        timeout_seconds = self._settings.shutdown_timeout_seconds
        deadline = time.monotonic() + timeout_seconds
        end_within(timeout_seconds + LAST_RESORT_SECONDS)
        await asyncio.sleep(min(self._settings.accept_window_seconds, MOST_OF_TIMEOUT * timeout_seconds))
        logger.info("gateway_drains")
        if self._preparing is not None:
            self._preparing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._preparing
        stopping = [server.stop() for server in self._servers()]
        grace_seconds = (deadline - time.monotonic()) / 2
        await _within(grace_seconds, asyncio.gather(*stopping, self._grpc_server.stop(grace_seconds)))
        await self._proxy.close(PROXY_CLOSE_SECONDS)
        if self._spool is not None:
            await self._spool.close()
        await self._publisher.close(max(0.0, min(deadline - time.monotonic(), self._settings.produce_timeout_ms / 1_000)))
        await _within(max(0.0, deadline - time.monotonic()), asyncio.to_thread(self._control.stop))
        await self._forwarder.close()
        self._files.close()
        self._large_payloads.close()
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close)
        logger.info("gateway_stopped")

    async def _prepare(self) -> None:
        """Make the topics and seed the projects, however long Kafka takes to come."""
        try:
            await self._until_done(self._make_topics)
            if self._seed:
                await self._until_done(self._publish_seed)
                self._is_seeded = True
        except SettingsError as error:
            self.mistake = error
            self.ending.set()

    async def _until_done(self, work: Callable[[], None]) -> None:
        while True:
            try:
                await asyncio.to_thread(work)
            except RetryableError as error:
                logger.warning("not_prepared_yet reason=%s", error)
                await asyncio.sleep(PREPARE_RETRY_SECONDS)
            else:
                return

    def _make_topics(self) -> None:
        create_topics(self._kafka, topics(self._kafka.partitions, self._kafka.events_retention_hours))

    def _publish_seed(self) -> None:
        if not self._control.wait_caught_up(CONTROL_WAIT_SECONDS):
            raise RetryableError("the control topic has not been read yet")
        writer = producer(self._kafka, client_id=f"{CLIENT_ID}-seed", timeout_ms=SEED_TIMEOUT_MS, linger_ms=0)
        if publish_seed(self._seed, self._directory, writer, self._codec):
            raise RetryableError("the seeded keys have not come back from the control topic")


def _show_holding(holding: Holding, limit_bytes: int) -> None:
    GATEWAY_HELD_BYTES.set_function(lambda: float(holding.held_bytes))
    GATEWAY_MAX_HELD_BYTES.set(limit_bytes)


def _spool(settings: GatewaySettings, publisher: KafkaPublisher) -> SpoolingPublisher | None:
    if settings.spool_dir is None:
        return None
    return SpoolingPublisher(publisher, Journal(settings.spool_dir, settings.spool_max_bytes, settings.spool_max_age_seconds))


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def _handlers(settings: GatewaySettings, objects: ListedStore, ingest: Ingest, forwarder: Forwarder) -> tuple[Handler, ...]:
    """Return what answers beside the adapters."""
    uploads = Uploads(objects, Secret(settings.media_secret, settings.object_dir), settings.public_url)
    attachments = OpikAttachments(uploads, objects, ingest.files, ingest.store, settings.max_body_bytes)
    deletions = Deletions(objects, forwarder.fetch, ingest.publisher.publish, settings.record_bytes)
    return uploads, LangfuseMedia(uploads, settings.max_body_bytes), attachments, deletions


async def _within(timeout_seconds: float, work: Awaitable[object]) -> None:
    """Wait for `work`, but no longer than that; what is left then ends with the process."""
    try:
        async with asyncio.timeout(timeout_seconds):
            await work
    except TimeoutError:
        logger.warning("stop_timed_out seconds=%.1f", timeout_seconds)
