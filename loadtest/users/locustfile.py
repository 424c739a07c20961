"""Users of every protocol: `make load LOAD_GENERATOR=locust`, `make load-ui`, docs/loadtest.md.

Each user tells so many traces a second; what is acknowledged is written down for the ledger.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import gevent
import grpc
import grpc.experimental.gevent as grpc_gevent
import msgspec
from locust import FastHttpUser, User, constant_throughput, events, task

from contract.generated import ingest_pb2_grpc
from loadtest.load import protocols
from loadtest.load.protocols import GRPC, LANGFUSE, MIX, NATIVE, OTLP
from loadtest.load.templates import Statement, Template, filled, pool
from loadtest.users.brief import BEGUN, TRACES_PER_SECOND_AND_USER, Acknowledged, line, numbers, read

grpc_gevent.init_gevent()

BRIEF = read()
POOL = pool(BRIEF.seed, BRIEF.run, BRIEF.sizes)
REPEATED_AFTER_SECONDS = 0.5
PASSING = frozenset({0, 429, 500, 502, 503, 504})
GRPC_SECONDS = 15.0

NUMBERS: dict[str, Iterator[int]] = {}
FILE = (Path(BRIEF.folder) / f"{os.getpid()}-{time.time_ns()}.acks").open("a", buffering=1)


@events.init.add_listener  # type: ignore[untyped-decorator]
def number_traces(environment: Any, **_more: Any) -> None:
    """Give every protocol numbers of its own; those of the workers of a distributed run do not meet."""
    process = getattr(environment.runner, "worker_index", 0)
    for protocol in dict.fromkeys(MIX):
        NUMBERS[protocol] = numbers(protocol, max(0, process))


class Application:
    """What users of all protocols have in common."""

    protocol: ClassVar[str]

    def next_trace(self) -> tuple[int, Template]:
        """Return the number of the next trace and how it looks."""
        if not NUMBERS:  # the forked workers of --processes are numbered once they are connected
            raise RuntimeError("the process has no number yet")
        number, now = next(NUMBERS[self.protocol]), time.monotonic()
        FILE.write(line(Acknowledged(number, 0, 0, now, now, BEGUN)))  # whose end is cut off may be stored or not
        return number, POOL[number % len(POOL)]

    def statements(self, number: int, template: Template, part: int) -> list[Statement]:
        """Return what one request says."""
        body = filled(template.bodies[part], number, template.seconds, time.time())
        return msgspec.json.decode(body, type=list[Statement])


def note(number: int, part: int, parts: int, sent: float, status: str) -> None:
    """Write down how a request was answered."""
    FILE.write(line(Acknowledged(number, part, parts, sent, time.monotonic(), status)))


class HttpApplication(Application, FastHttpUser):
    """Tells its traces over HTTP; what fails and may pass is sent again under the same ids."""

    abstract = True
    host = BRIEF.gateway_http
    wait_time = constant_throughput(TRACES_PER_SECOND_AND_USER)
    network_timeout = connection_timeout = 15.0
    path: ClassVar[str]
    content_type: ClassVar[str] = "application/json"

    def tell(self, number: int, part: int, body: bytes, parts: int = 1) -> None:
        """Send one request until it is acknowledged, or refused for good."""
        headers = {"content-type": self.content_type, **self.key()}
        while True:
            sent = time.monotonic()
            data: Any = body  # bytes are sent as they are; the signature does not say so
            with self.client.post(self.path, data=data, headers=headers, name=self.protocol, catch_response=True) as response:
                has_all = response.status_code == 200 or (response.status_code == 207 and self.is_whole(response))
                if has_all:
                    response.success()
                status = "ok" if has_all else str(response.status_code)
            note(number, part, parts, sent, status)
            if has_all or response.status_code not in PASSING:
                return
            gevent.sleep(REPEATED_AFTER_SECONDS)

    def key(self) -> dict[str, str]:
        """Return the headers that carry the key."""
        return {"authorization": f"Bearer {BRIEF.ingest_key}"}

    def is_whole(self, _response: Any) -> bool:
        """Tell whether a 207 means that everything was taken."""
        return False


class NativeUser(HttpApplication):
    """POST /v1/events."""

    protocol, path = NATIVE, "/v1/events"
    weight = MIX.count(NATIVE)

    @task
    def run_trace(self) -> None:
        """Tell one trace."""
        number, template = self.next_trace()
        for part, body in enumerate(template.bodies):
            self.tell(number, part, filled(body, number, template.seconds, time.time()))


class LangfuseUser(HttpApplication):
    """Langfuse's batches; they are answered 207, with what was refused."""

    protocol, path = LANGFUSE, "/langfuse/api/public/ingestion"
    weight = MIX.count(LANGFUSE)

    @task
    def run_trace(self) -> None:
        """Tell one trace."""
        number, template = self.next_trace()
        for part in range(len(template.bodies)):
            self.tell(number, part, protocols.langfuse(self.statements(number, template, part)))

    def is_whole(self, response: Any) -> bool:
        """Nothing was refused."""
        return not response.json()["errors"]


class OtlpUser(HttpApplication):
    """An exporter: a trace's spans in one request, once it is over."""

    protocol, path, content_type = OTLP, "/v1/traces", "application/x-protobuf"
    weight = MIX.count(OTLP)

    @task
    def run_trace(self) -> None:
        """Tell one trace."""
        number, template = self.next_trace()
        parts = len(template.bodies)
        said = [one for part in range(parts) for one in self.statements(number, template, part)]
        self.tell(number, 0, protocols.otlp(said, BRIEF.run, number), parts)


class GrpcUser(Application, User):
    """sluice.v1.Ingest."""

    protocol = GRPC
    wait_time = constant_throughput(TRACES_PER_SECOND_AND_USER)
    weight = MIX.count(GRPC)
    _channels: ClassVar[list[grpc.Channel]] = []

    def on_start(self) -> None:
        """Share one connection between the users of a process."""
        if not self._channels:
            self._channels.append(grpc.insecure_channel(BRIEF.gateway_grpc))
        self._stub = ingest_pb2_grpc.IngestStub(self._channels[0])

    @task
    def run_trace(self) -> None:
        """Tell one trace."""
        number, template = self.next_trace()
        for part in range(len(template.bodies)):
            self._tell(number, part, protocols.grpc(self.statements(number, template, part)))

    def _tell(self, number: int, part: int, request: Any) -> None:
        while True:
            sent, failure = time.monotonic(), None
            try:
                answer = self._stub.Ingest(request, timeout=GRPC_SECONDS, metadata=(("authorization", f"Bearer {BRIEF.ingest_key}"),))
                status = "ok" if answer.accepted == len(request.events) else "refused"
            except grpc.RpcError as error:
                failure, status = error, error.code().name
            note(number, part, 1, sent, status)
            self.environment.events.request.fire(
                request_type="grpc",
                name=GRPC,
                response_time=1000 * (time.monotonic() - sent),
                response_length=0,
                exception=failure,
                context={},
            )
            if failure is None:
                return
            gevent.sleep(REPEATED_AFTER_SECONDS)
