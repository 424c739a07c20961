"""What `sluice up` will run, worked out from the environment before anything starts: settings, ports, each service's environment."""

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract.settings import env, load
from contract.variables import VARIABLES
from sluice.embedded.data_dir import DataDir
from sluice.embedded.ports import WantedPort, chosen

EMBEDDED_PARTITIONS = "3"
"""Room for three workers on one machine; every partition more is a request more to Kafka for the same records."""
LOOPBACK = "127.0.0.1"
EVERYWHERE = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104  an address to recognise, nothing listens on it here


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSettings:
    """What `sluice up` reads for itself."""

    data_dir: Path = env("SLUICE_DATA_DIR")
    bootstrap_servers: str = env("KAFKA_BOOTSTRAP_SERVERS")
    partitions: int = env("TOPIC_PARTITIONS")
    kafka_heap_mb: int = env("KAFKA_HEAP_MB")
    kafka_port: int = env("EMBEDDED_KAFKA_PORT")
    gateway_host: str = env("GATEWAY_HOST")
    gateway_http_port: int = env("GATEWAY_HTTP_PORT")
    gateway_grpc_port: int = env("GATEWAY_GRPC_PORT")
    otlp_http_port: int = env("OTLP_HTTP_PORT")
    query_host: str = env("QUERY_HOST")
    query_http_port: int = env("QUERY_HTTP_PORT")
    shutdown_timeout_seconds: int = env("SHUTDOWN_TIMEOUT_SECONDS")


def check_everything(environ: Mapping[str, str]) -> None:
    """Raise SettingsError naming every wrong variable, whichever service it is meant for."""
    fields: list[tuple[str, Any, Any]] = [(name.lower(), Any, env(name)) for name in VARIABLES]
    load(dataclasses.make_dataclass("Everything", fields, frozen=True), environ)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The stack to run; ports are real ones."""

    settings: StackSettings
    data: DataDir
    ports: Mapping[str, int]
    environ: Mapping[str, str]

    @property
    def has_own_kafka(self) -> bool:
        """Tell whether Kafka is ours to run."""
        return "kafka" in self.ports

    @property
    def bootstrap_servers(self) -> str:
        """Return where Kafka is."""
        return self.environ["KAFKA_BOOTSTRAP_SERVERS"]

    @property
    def gateway_host(self) -> str:
        """Return the address at which this machine reaches the gateway."""
        return reachable(self.settings.gateway_host)

    @property
    def query_host(self) -> str:
        """Return the address at which this machine reaches the read API."""
        return reachable(self.settings.query_host)

    def command(self, *words: str) -> tuple[str, ...]:
        """Return the command that runs a module with this Python."""
        return (sys.executable, "-m", *words)


def reachable(host: str) -> str:
    """Return an address to connect to for one to listen on."""
    return EVERYWHERE.get(host, host)


def make_plan(environ: Mapping[str, str]) -> Plan:
    """Work everything out; raise SettingsError or StartError where it cannot be."""
    check_everything(environ)
    settings = load(StackSettings, environ)
    data = DataDir(settings.data_dir)
    ports = chosen(wanted_ports(settings, environ))
    return Plan(settings=settings, data=data, ports=ports, environ=service_environ(environ, data, ports, settings))


def wanted_ports(settings: StackSettings, environ: Mapping[str, str]) -> dict[str, WantedPort]:
    """Return every port the stack listens on. Those nobody looks for are free ones unless their variable is set."""
    wanted = {
        "gateway_http": WantedPort("GATEWAY_HTTP_PORT", settings.gateway_host, settings.gateway_http_port),
        "gateway_grpc": WantedPort("GATEWAY_GRPC_PORT", settings.gateway_host, settings.gateway_grpc_port),
        "otlp_http": WantedPort("OTLP_HTTP_PORT", settings.gateway_host, settings.otlp_http_port),
        "query_http": WantedPort("QUERY_HTTP_PORT", settings.query_host, settings.query_http_port),
        "worker_web": WantedPort("WORKER_WEB_PORT", LOOPBACK, int(environ.get("WORKER_WEB_PORT") or 0)),
        "sink_web": WantedPort("SINK_WEB_PORT", LOOPBACK, int(environ.get("SINK_WEB_PORT") or 0)),
    }
    if not environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        wanted["kafka"] = WantedPort("EMBEDDED_KAFKA_PORT", LOOPBACK, settings.kafka_port)
        wanted["kafka_controller"] = WantedPort("EMBEDDED_KAFKA_PORT", LOOPBACK, 0)
    return wanted


def service_environ(environ: Mapping[str, str], data: DataDir, ports: Mapping[str, int], settings: StackSettings) -> dict[str, str]:
    """Return the environment the services share: what the user set stays, what is unset points into this stack."""
    defaults = {
        "WORKER_DATA_DIR": data.worker,
        "WORKER_INSTANCE_ID": "sluice-up",  # static members: who is started again gets its partitions back at once
        "SINK_INSTANCE_ID": "sluice-up",
        "CLICKHOUSE_PATH": data.clickhouse,
        "SPOOL_DIR": data.spool,
        "OBJECT_DIR": data.objects,
        "QUERY_URL": f"http://{reachable(settings.query_host)}:{ports['query_http']}",
    }
    if "kafka" in ports:
        defaults |= {"KAFKA_BOOTSTRAP_SERVERS": f"{LOOPBACK}:{ports['kafka']}", "TOPIC_PARTITIONS": partitions_of(data)}
    known = {name: str(value) for name, value in defaults.items() if name in VARIABLES}
    fixed = {
        "GATEWAY_HTTP_PORT": str(ports["gateway_http"]),
        "GATEWAY_GRPC_PORT": str(ports["gateway_grpc"]),
        "OTLP_HTTP_PORT": str(ports["otlp_http"]),
        "QUERY_HTTP_PORT": str(ports["query_http"]),
        "WORKER_WEB_PORT": str(ports["worker_web"]),
        "SINK_WEB_PORT": str(ports["sink_web"]),
        "SLUICE_DATA_DIR": str(data.root),
        "PYTHONUNBUFFERED": "1",
    }
    given = {name: value for name, value in environ.items() if value.strip() or name not in VARIABLES}
    return {**known, **given, **fixed}


def partitions_of(data: DataDir) -> str:
    """Return how many partitions topics have: those of a directory that was made with more stay."""
    return str(max(data.partitions, int(EMBEDDED_PARTITIONS)))


def for_service(plan: Plan, name: str) -> dict[str, str]:
    """Return the environment of one service: the shared one, with a snapshot file of its own."""
    return {"CONTROL_SNAPSHOT_FILE": str(plan.data.root / f"control-{name}.json"), **plan.environ}
