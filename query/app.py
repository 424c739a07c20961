"""The read API as an ASGI app on Granian: routes, keys, errors, health. `build` puts it together."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import msgspec

from contract import web
from contract.clock import US_PER_SECOND, now_us
from contract.cold_catalogue import Moves
from contract.cold_files import ColdFiles, readable_cold_files
from contract.control import Directory
from contract.doorkeeper import AccessSettings, Doorkeeper
from contract.errors import AccessError, OverloadedError, RetryableError
from contract.keys import Project, presented
from contract.metrics import QUERY_REQUESTS, QUERY_SECONDS, export
from contract.objects import ObjectSettings, ObjectStore, object_store
from contract.store import StoreSettings
from contract.store_schema import NEWEST_MIGRATION
from contract.web import HttpServer, Receive, Response, Scope, Send
from query import openapi
from query.cache import AggregateCache
from query.cold import ColdReads
from query.errors import BadRequestError, NotFoundError
from query.overdue import OverdueDays
from query.page import start_page
from query.parameters import Query, read_query
from query.payloads import Payloads
from query.reader import Reader
from query.reads import Reads
from query.routes import PREFIX, Route, find_route
from query.settings import QuerySettings
from query.shapes import Failure, FailureBody
from query.statements import migrated, ping
from query.turns import Turns

logger = logging.getLogger(__name__)

PING_SECONDS = 2.0
RETRY_AFTER_SECONDS = 1
HTML = "text/html; charset=utf-8"
PAGE_HEADERS = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'", "x-content-type-options": "nosniff"}
ANSWER_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}

Complaint = Callable[[], str | None]


def nothing_to_say() -> str | None:
    """Complain about nothing."""
    return None


class QueryApp:
    """The server and what it needs; `port` is where it listens. `start` and `stop` belong to the running event loop."""

    def __init__(
        self,
        settings: QuerySettings,
        doorkeeper: Doorkeeper,
        reader: Reader,
        unready: Complaint = nothing_to_say,
        files: ColdFiles | None = None,
        objects: ObjectStore | None = None,
        overdue: OverdueDays | None = None,
        moves: Moves | None = None,
    ) -> None:
        self._reader = reader
        self._overdue = overdue
        self._payloads = Payloads(objects)
        self._unready = unready
        export("query")
        self._store_complaint: str | None = "the store has not answered yet"
        cache = AggregateCache(settings.cache_ttl_seconds * US_PER_SECOND)
        reads = Reads(reader, cache, ColdReads(reader, files, moves), self._payloads)
        self._handle = Handler(doorkeeper, reads, Turns(settings.project_threads))
        self._server = HttpServer(self, settings.host, settings.http_port)
        certificate = settings.certificate()
        self._https_server = HttpServer(self, settings.host, settings.https_port, certificate) if certificate else None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        return self._server.port

    @property
    def https_port(self) -> int | None:
        """Return the port it answers HTTPS on, if it does."""
        return self._https_server.port if self._https_server else None

    def _servers(self) -> list[HttpServer]:
        return [self._server, *([self._https_server] if self._https_server else [])]

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken; the store may come later, `/readyz` says so."""
        await self._ping()
        for server in self._servers():
            await server.start()
        self._tasks.append(asyncio.create_task(self._keep_pinging()))
        if self._overdue is not None:
            self._tasks.append(asyncio.create_task(self._overdue.keep_looking()))
        logger.info("query_listening port=%d", self.port)

    async def stop(self) -> None:
        """Stop listening, finish what is being read, close the connections to the store."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(server.stop() for server in self._servers()))
        self._payloads.close()
        await self._reader.stop()

    def alive(self) -> str | None:
        """Complain about nothing: what can fail here passes without a restart."""
        return None

    def ready(self) -> str | None:
        """Say whether the store or the keys are missing."""
        return self._store_complaint or self._unready()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        """Answer one request."""
        response = web.health_response(scope["path"], self) if scope["method"] in ("GET", "HEAD") else None
        await web.respond(send, response or await self._handle(scope))

    async def _keep_pinging(self) -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            await self._ping()

    async def _ping(self) -> None:
        try:
            self._store_complaint = await self._complaint_about_tables()
        except Exception as error:  # whatever it is, it must show in /readyz and not end the loop
            logger.exception("store_ping_failed")
            self._store_complaint = str(error) if isinstance(error, RetryableError) else "the store refuses to answer"

    async def _complaint_about_tables(self) -> str | None:
        if not (await self._reader.rows(ping()))[0]["tables"]:
            return "the store has no tables yet"
        if not (await self._reader.rows(migrated()))[0]["applied"]:
            return f"the store's tables are older than this release: {NEWEST_MIGRATION} is missing; run `sluice migrate`"
        return None


class Handler:
    """One request → one response. Nothing raised in here reaches the server."""

    def __init__(self, doorkeeper: Doorkeeper, reads: Reads, turns: Turns) -> None:
        self._doorkeeper = doorkeeper
        self._turns = turns
        self._reads = reads

    async def __call__(self, scope: Scope) -> Response:
        """Answer a request by its path."""
        path = scope["path"]
        if not path.startswith(PREFIX):
            return _static(scope["method"], path)
        found = find_route(scope.get("raw_path") or path.encode("latin-1", "replace"))
        if found is None:
            return failure(404, "no_such_route", f"no route {path}; /openapi.json lists them")
        if scope["method"] != "GET":
            return failure(405, "method_not_allowed", "this API only reads: GET", headers={"allow": "GET"})
        route, item_id = found
        began = time.perf_counter()
        response = await self._answer(route, item_id, scope)
        QUERY_SECONDS.labels(route.path).observe(time.perf_counter() - began)
        QUERY_REQUESTS.labels(route.path, response.status).inc()
        return response

    async def _answer(self, route: Route, item_id: str, scope: Scope) -> Response:
        try:
            project = self._authorised(scope)
            asked = Query(project_id=project.project_id, id=item_id)
            query = read_query(asked, route.parameters, scope.get("query_string") or b"", route.listing)
            async with self._turns.turn(project.project_id):
                answer = await route.read(self._reads, query, now_us())
            return Response(body=msgspec.json.encode(answer), headers=ANSWER_HEADERS)
        except Exception as error:  # noqa: BLE001  every error becomes a status; unknown ones are logged there
            return failure_of(error)

    def _authorised(self, scope: Scope) -> Project:
        headers = web.lower_headers(scope["headers"])
        address = self._doorkeeper.address_of(web.peer_of(scope), headers.get("x-forwarded-for", ""))
        return self._doorkeeper.authorise(presented(headers), "read", address)


def _static(method: str, path: str) -> Response:
    if method not in ("GET", "HEAD"):
        return failure(405, "method_not_allowed", "this API only reads: GET", headers={"allow": "GET"})
    if path == "/openapi.json":
        return Response(body=msgspec.json.encode(openapi.document()))
    if path in ("/", "/ui") or path.startswith("/ui/"):
        return Response(body=start_page(), content_type=HTML, headers=PAGE_HEADERS)
    return failure(404, "no_such_route", f"no route {path}; /openapi.json lists them")


def failure_of(error: Exception) -> Response:
    """Return the answer to what went wrong: the only place where an error becomes a status."""
    match error:
        case BadRequestError():
            return failure(400, error.code, str(error), error.field)
        case NotFoundError():
            return failure(404, "not_found", str(error))
        case AccessError(is_known=True):
            return failure(403, "forbidden", str(error))
        case AccessError():
            return failure(401, "unauthenticated", str(error), headers={"www-authenticate": 'Bearer realm="sluice", Basic realm="sluice"'})
        case RetryableError():
            status, code = (429, "overloaded") if isinstance(error, OverloadedError) else (503, "unavailable")
            seconds = max(RETRY_AFTER_SECONDS, round(error.retry_after_seconds or 0))
            return failure(status, code, str(error), headers={"retry-after": str(seconds)})
    logger.error("read_failed", exc_info=error)
    return failure(500, "internal", "the read failed; the service's log says why")


def failure(status: int, code: str, message: str, field: str | None = None, headers: dict[str, str] | None = None) -> Response:
    """Return an answer that says what is wrong."""
    body: Any = FailureBody(Failure(code=code, message=message, field=field))
    return Response(status=status, body=msgspec.json.encode(body), headers={**ANSWER_HEADERS, **(headers or {})})


def build(
    settings: QuerySettings,
    directory: Directory,
    store: StoreSettings,
    unready: Complaint = nothing_to_say,
    access: AccessSettings | None = None,
    objects: ObjectSettings | None = None,
    moves: Moves | None = None,
) -> QueryApp:
    """Return the read API over the store at `store` and the cold days and large payloads in `objects`, ready to start.

    Where the store runs inside the process, `store.path` must be the one the process owns. `unready` may add a reason for
    `/readyz`, such as keys that have not been read yet; until then an unknown key is a passing fault. `moves` is what the mover of the
    same process tells of itself, where the process owns the store.
    """
    reader = Reader(store, threads=settings.threads, timeout_seconds=settings.timeout_seconds)
    doorkeeper = Doorkeeper(directory, access, lambda: unready() is None)
    payloads = None if objects is None else object_store(objects)
    overdue = OverdueDays(reader, settings.hot_days, lambda: directory.retentions)
    return QueryApp(settings, doorkeeper, reader, unready, readable_cold_files(store, objects), payloads, overdue, moves)
