"""The gateway's HTTP side: bytes in, an adapter's answer out. It decides nothing about events."""

import logging
from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec

from contract.keys import Project, presented
from contract.metrics import GATEWAY_REQUESTS, counter_of
from contract.secrets import mask
from contract.web import HealthChecks, Receive, Response, Scope, Send, health_response, lower_headers, peer_of, respond
from ingest_gateway.adapters.base import NOBODY, Failure, FailureKind, Route, WireRequest, WireResponse
from ingest_gateway.adapters.statuses import HTTP_STATUSES, RETRY_AFTER_SECONDS, RETRYABLE
from ingest_gateway.bodies import body_of, refused_body, stated_bytes
from ingest_gateway.domain.admission import Hold
from ingest_gateway.domain.origins import Origins
from ingest_gateway.forward import Forwarder, is_forwarded
from ingest_gateway.handlers import Handler
from ingest_gateway.ingest import Ingest
from ingest_gateway.openapi import OPENAPI_PATH, document
from ingest_gateway.proxy import Proxy, is_proxied
from ingest_gateway.router import Match, Router, WrongMethod, key_in

logger = logging.getLogger(__name__)

QUERY_PROTOCOL = "query"
PROXY_PROTOCOL = "proxy"
NO_PROTOCOL = "none"
READS = "/api/v1/"
OPTIONS = "OPTIONS"
BODILESS = frozenset({"GET", "HEAD", OPTIONS})


class HttpApp:
    """The ASGI app behind both HTTP ports."""

    def __init__(
        self,
        ingest: Ingest,
        router: Router,
        forwarder: Forwarder,
        checks: HealthChecks,
        max_body_bytes: int,
        proxy: Proxy | None = None,
        origins: Origins | None = None,
    ) -> None:
        self._ingest = ingest
        self._router = router
        self._forwarder = forwarder
        self._checks = checks
        self._max_body_bytes = max_body_bytes
        self._proxy = proxy
        self._origins = origins or Origins()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._proxy is not None and is_proxied(scope["path"]):
            await self._pass_on(self._proxy, scope, receive, send)
            return
        found = self._asked_about(scope) or self._router.find(scope["method"], scope["path"])
        try:
            if isinstance(found, Match):
                headers = lower_headers(scope["headers"])
                is_preflight = scope["method"] == OPTIONS
                answer = self._preflight(found, headers) if is_preflight else await self._take_in(found, scope, headers, receive)
                counter_of(GATEWAY_REQUESTS, found.adapter.name, answer.status).inc()
                await _send(send, answer, self._origins.shared(headers) if self._origins and is_shared(found.route) else {})
            else:
                await self._answer_else(found, scope, send)
        except Exception:
            place = found.route.path if isinstance(found, Match) else mask(scope["path"])  # a path may hold a key
            logger.exception("request_failed method=%s path=%s", scope["method"], place)
            GATEWAY_REQUESTS.labels(NO_PROTOCOL, 500).inc()
            await respond(send, _error(500, "internal", "the gateway failed on this request; the log says where"))

    async def _pass_on(self, proxy: Proxy, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the proxy answer. What it raises comes after the answer began: the server then ends the connection."""
        try:
            status = await proxy.pass_on(scope, receive, send)
        except Exception:
            GATEWAY_REQUESTS.labels(PROXY_PROTOCOL, 502).inc()
            raise
        GATEWAY_REQUESTS.labels(PROXY_PROTOCOL, status).inc()

    def _asked_about(self, scope: Scope) -> Match | None:
        """Return the route that a browser's preflight asks about, where pages of some origin may use it."""
        if scope["method"] != OPTIONS or not self._origins:
            return None
        method = lower_headers(scope["headers"]).get("access-control-request-method", "")
        found = self._router.find(method, scope["path"]) if method != OPTIONS else None
        return found if isinstance(found, Match) and is_shared(found.route) else None

    def _preflight(self, found: Match, headers: Mapping[str, str]) -> WireResponse:
        return WireResponse(status=204, headers=self._origins.preflight(headers, found.route.method))

    async def _take_in(self, found: Match, scope: Scope, headers: Mapping[str, str], receive: Receive) -> WireResponse:
        adapter, route = found.adapter, found.route
        writer = self._ingest.project_of_public_key(headers) if route.for_public_keys else None
        project = writer or self._authorised(found, scope, headers)
        if isinstance(project, Failure):
            return adapter.encode(_request(scope, headers, route), project)
        with self._ingest.holding.hold(project.project_id) as hold:
            body = b"" if route.method in BODILESS else await self._body(project, headers, receive, hold)
            if isinstance(body, Failure):
                return adapter.encode(_request(scope, headers, route), body)
            request = WireRequest(
                method=route.method,
                path=scope["path"],
                headers=headers,
                query=_query(scope),
                body=body,
                received_at=self._ingest.clock(),
                project=project,
                limits=self._ingest.limits,
                only=route.for_public_keys if writer else None,
            )
            return await (adapter.take(request) if isinstance(adapter, Handler) else self._ingest.take(adapter, request))

    async def _body(self, project: Project, headers: Mapping[str, str], receive: Receive, hold: Hold) -> bytes | Failure:
        """Return the body, unless its project has to wait; then it is read past, so that the client gets to read why."""
        stated = stated_bytes(headers)
        refusal = self._ingest.admit(project, stated)
        if refusal is not None:
            await refused_body(receive, self._max_body_bytes)
            return refusal
        body = await body_of(headers, receive, self._max_body_bytes, hold.more)
        if not isinstance(body, Failure) and len(body) > stated:
            self._ingest.count_bytes(project, len(body) - stated)
        return body

    def _authorised(self, found: Match, scope: Scope, headers: Mapping[str, str]) -> Project | Failure:
        """Return the project of the key, or of what stands in a public route's own path."""
        route = found.route
        if not route.is_public:
            key, peer = key_in(route, scope["path"]), peer_of(scope)
            project = self._ingest.authorise(headers, route.scope, peer, key)
            if route.or_scope and isinstance(project, Failure) and project.kind is FailureKind.FORBIDDEN:
                return self._ingest.authorise(headers, route.or_scope, peer, key)
            return project
        return found.adapter.project_of(_request(scope, headers, found.route)) if isinstance(found.adapter, Handler) else NOBODY

    async def _answer_else(self, found: WrongMethod | None, scope: Scope, send: Send) -> None:
        path = scope["path"]
        if found is not None and not is_forwarded(path):
            await respond(send, _error(405, "wrong_method", f"{path} takes {', '.join(found.allowed)}", allow=", ".join(found.allowed)))
        elif (health := health_response(path, self._checks)) is not None:
            await respond(send, health)
        elif path == OPENAPI_PATH:
            await respond(send, Response(body=document()))
        elif is_forwarded(path):
            status = await self._read(scope, send)
            GATEWAY_REQUESTS.labels(QUERY_PROTOCOL, status).inc()
        else:
            GATEWAY_REQUESTS.labels(NO_PROTOCOL, 404).inc()
            await respond(send, _error(404, "not_found", f"no such route: {path}"))

    async def _read(self, scope: Scope, send: Send) -> int:
        """Pass a read on. Guessed keys end here, where the client's address is known; the query service sees only ours."""
        headers = lower_headers(scope["headers"])
        if self._forwarder.is_on and scope["path"].startswith(READS) and presented(headers) is not None:
            project = self._ingest.authorise(headers, "read", peer_of(scope))
            if isinstance(project, Failure) and project.kind is not FailureKind.FORBIDDEN:
                status = HTTP_STATUSES[project.kind]
                more = {"retry-after": str(RETRY_AFTER_SECONDS)} if project.kind in RETRYABLE else {}
                await respond(send, _error(status, project.kind.value, project.message, **more))
                return status
        return await self._forwarder.pass_on(scope, headers, send)


def is_shared(route: Route) -> bool:
    """Tell whether pages of other origins may use a route: what writes, and what is signed; never what a key is needed to read."""
    return route.scope == "ingest"


def _request(scope: Scope, headers: Mapping[str, str], route: Route) -> WireRequest:
    """Return the request as far as it is known before it may be read."""
    return WireRequest(method=route.method, path=scope["path"], headers=headers, query=_query(scope), received_at=0, project=NOBODY)


def _query(scope: Scope) -> dict[str, str]:
    raw = scope.get("query_string", b"")
    return dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True)) if raw else {}


async def _send(send: Send, answer: WireResponse, more: Mapping[str, str]) -> None:
    headers = {**answer.headers, **more}
    await respond(send, Response(status=answer.status, body=answer.body, content_type=answer.content_type, headers=headers))


def _error(status: int, code: str, message: str, **headers: str) -> Response:
    body = msgspec.json.encode({"error": {"code": code, "message": message, "field": None}})
    return Response(status=status, body=body, headers=headers)
