"""The whole stack on one machine, put together: Kafka, topics and keys, gateway, worker, store; started in order, stopped in order."""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from contract.kafka import KafkaSettings, create_topics
from contract.settings import load
from contract.topics import topics
from sluice.embedded import endpoints, identity, kafka
from sluice.embedded.endpoints import Endpoints
from sluice.embedded.errors import StartError
from sluice.embedded.keyring import Keyring, load_or_make, publish_keyring
from sluice.embedded.plan import LOOPBACK, Plan, for_service
from sluice.embedded.supervisor import Service, Supervised, answers_ready

START_TIMEOUT_SECONDS = 120.0
LEFTOVER_PATIENCE_SECONDS = 5.0
KAFKA_STOP_SECONDS = 3.0

KAFKA = "kafka"
GATEWAY = "gateway"
WORKER = "worker"
STORE = "store"
STOP_ORDER = (GATEWAY, WORKER, STORE)
"""Kafka is last: the others finish into it."""
NICENESS = {WORKER: 3, STORE: 10}
"""Who waits where processors are short: clients wait for gateway and Kafka, and ClickHouse's threads would take turns with both."""


class Stack:
    """A stack that runs; `say` is told what a person wants to know. Use it while the data directory is held."""

    def __init__(self, plan: Plan, class_path: list[Path], say: Callable[[str], None]) -> None:
        self.plan = plan
        self.keyring: Keyring | None = None
        self._class_path = class_path
        self._say = say
        self._kafka_settings = load(KafkaSettings, plan.environ)
        self._probe = kafka.Probe(self._kafka_settings.connection())
        self._services: dict[str, Supervised] = {}
        self._is_ready = False

    async def start(self) -> None:
        """Bring everything up and write endpoints.json; raise StartError where something does not come."""
        await asyncio.to_thread(self._clear_leftovers)
        self.keyring = load_or_make(self.plan.data.keys)
        await self._start_together()
        self._is_ready = True
        self._write_endpoints()

    async def _start_together(self) -> None:
        """Start everything at once: the services wait for Kafka by themselves. The first failure ends the start of the others."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._start_kafka())
                for name in STOP_ORDER:
                    group.create_task(self._start(self._service(name)))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures

    async def stop(self) -> None:
        """Stop everything in order within SHUTDOWN_TIMEOUT_SECONDS, whatever state it is in."""
        self._is_ready = False
        self.plan.data.endpoints.unlink(missing_ok=True)
        deadline = time.monotonic() + self.plan.settings.shutdown_timeout_seconds
        for name in STOP_ORDER:
            if name in self._services:
                await self._services[name].stop(deadline - KAFKA_STOP_SECONDS)
        if KAFKA in self._services:
            await self._services[KAFKA].stop(max(deadline, time.monotonic() + KAFKA_STOP_SECONDS / 2))
        self.plan.data.processes.unlink(missing_ok=True)

    def kill(self) -> None:
        """End every process at once."""
        for supervised in self._services.values():
            supervised.kill()

    def _clear_leftovers(self) -> None:
        self.plan.data.endpoints.unlink(missing_ok=True)
        ended = identity.end_leftovers(self.plan.data.leftovers(), LEFTOVER_PATIENCE_SECONDS)
        if ended:
            self._say(f"ended what an earlier run had left behind: {', '.join(ended)}")

    async def _start_kafka(self) -> None:
        if self.plan.has_own_kafka:
            broker = self._broker()
            log = self.plan.data.log(KAFKA)
            await asyncio.to_thread(kafka.prepare, broker, self._class_path, log)
            command = kafka.command(broker, self._class_path)
            await self._start(Service(name=KAFKA, command=command, environ=self.plan.environ, log=log, is_ready=self._kafka_is_ready))
        elif not await asyncio.to_thread(self._probe.await_ready, START_TIMEOUT_SECONDS / 4):
            raise StartError(f"KAFKA_BOOTSTRAP_SERVERS={self.plan.bootstrap_servers}: no broker answers there")
        await asyncio.to_thread(self._furnish_kafka)

    def _broker(self) -> kafka.Broker:
        return kafka.Broker(
            folder=self.plan.data.kafka,
            port=self.plan.ports["kafka"],
            controller_port=self.plan.ports["kafka_controller"],
            heap_mb=self.plan.settings.kafka_heap_mb,
            partitions=self._kafka_settings.partitions,
        )

    def _furnish_kafka(self) -> None:
        settings = self._kafka_settings
        create_topics(settings, topics(settings.partitions, settings.events_retention_hours))
        if self.keyring is not None:
            publish_keyring(self.keyring, settings)

    async def _kafka_is_ready(self) -> bool:
        return await asyncio.to_thread(self._probe.is_ready)

    def _service(self, name: str) -> Service:
        commands = {
            GATEWAY: self.plan.command("ingest_gateway"),
            WORKER: self.plan.command("processors"),
            STORE: self.plan.command("sluice", "store"),
        }
        environ = for_service(self.plan, name)
        return Service(
            name=name,
            command=commands[name],
            environ=environ,
            log=self.plan.data.log(name),
            is_ready=self._readiness_of(name),
            niceness=NICENESS.get(name, 0),
        )

    def _readiness_of(self, name: str) -> Callable[[], Awaitable[bool]]:
        plan, ports = self.plan, self.plan.ports
        asked = {
            GATEWAY: ((plan.gateway_host, ports["gateway_http"]), (plan.gateway_host, ports["otlp_http"])),
            WORKER: (("127.0.0.1", ports["worker_web"]),),
            STORE: ((plan.query_host, ports["query_http"]), ("127.0.0.1", ports["sink_web"])),
        }
        return functools.partial(_all_answer, asked[name])

    async def _start(self, service: Service) -> None:
        supervised = Supervised(service, self._changed, self._spawned)
        self._services[service.name] = supervised
        await supervised.start(START_TIMEOUT_SECONDS)

    def _changed(self, what: str) -> None:
        self._say(what)

    def _spawned(self) -> None:
        """Write down who runs: a pid is known from the moment its process exists."""
        running = {name: (one.pid, one.identity) for name, one in self._services.items() if one.pid}
        self.plan.data.remember(running)
        if self._is_ready:
            self._write_endpoints()

    def _write_endpoints(self) -> None:
        endpoints.write(self.plan.data.endpoints, self.endpoints())

    def endpoints(self) -> Endpoints:
        """Return where everything is now."""
        if self.keyring is None:
            raise StartError("the stack has not started")
        plan, ports, keyring = self.plan, self.plan.ports, self.keyring
        return Endpoints(
            gateway_http=f"http://{plan.gateway_host}:{ports['gateway_http']}",
            gateway_grpc=f"{plan.gateway_host}:{ports['gateway_grpc']}",
            otlp_http=f"http://{plan.gateway_host}:{ports['otlp_http']}",
            query_http=f"http://{plan.query_host}:{ports['query_http']}",
            kafka=plan.bootstrap_servers,
            project_id=keyring.project_id,
            public_key=keyring.public_key,
            ingest_key=keyring.ingest_key,
            read_key=keyring.read_key,
            admin_key=keyring.admin_key,
            processes={name: one.pid for name, one in self._services.items()},
            metrics={
                GATEWAY: f"http://{plan.gateway_host}:{ports['gateway_http']}/metrics",
                WORKER: f"http://{LOOPBACK}:{ports['worker_web']}/metrics",
                STORE: f"http://{LOOPBACK}:{ports['sink_web']}/metrics",
            },
        )


async def _all_answer(places: tuple[tuple[str, int], ...]) -> bool:
    for host, port in places:
        if not await answers_ready(host, port):
            return False
    return True
