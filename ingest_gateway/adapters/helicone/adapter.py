"""The Helicone adapter: logs by hand, one call a request, and OTLP from Helicone's SDKs, below /helicone.

A key may stand in the path, before the route (`/helicone/<key>/oai/v1/log`) or behind its `v1` (`/helicone/oai/v1/<key>/log`), for
clients that cannot set a header.
"""

import re

from msgspec.structs import replace

from contract.errors import InvalidEventError
from contract.events import Event, Rejection, RejectionCode, Source
from contract.letters import Alone
from ingest_gateway.adapters.base import Decoded, Failure, FailureKind, Route, WireRequest, WireResponse
from ingest_gateway.adapters.helicone import answers
from ingest_gateway.adapters.helicone.logs import log_events, problems_of, read_log
from ingest_gateway.adapters.otlp.adapter import OTLP
from ingest_gateway.adapters.otlp.answers import JSON, PROTOBUF

PREFIX = "/helicone"
WORKER_ROUTES = ("oai", "anthropic", "googleapis", "custom")
"""What stands before `/v1/log`, also below `/v1/trace`: the JavaScript logger puts the provider into whatever URL it was given."""
TYPED = "/v1/trace/custom/log/typed"
OTLP_ROUTES = {"/v1/trace/log": JSON, "/v1/trace/log-python": PROTOBUF}
PATHS = (
    *(f"/{provider}/v1/log" for provider in WORKER_ROUTES),
    *(f"/v1/trace/{provider}/v1/log" for provider in WORKER_ROUTES),
    "/v1/trace/custom/log",
    TYPED,
    *OTLP_ROUTES,
)
KEYED_PATHS = (*(f"/{{key}}{path}" for path in PATHS), *(f"/{provider}/v1/{{key}}/log" for provider in WORKER_ROUTES))
MOST_SDK_LENGTH = 100
WORDS = frozenset({PREFIX.strip("/"), *(part for path in PATHS for part in path.split("/") if part)})
OWN_HEADERS = "helicone-"
SECRET = re.compile("auth|key|secret|token")


class HeliconeAdapter:
    """Helicone's ways in, but for its proxy."""

    name = "helicone"
    routes = tuple(Route(method="POST", path=PREFIX + path) for path in (*PATHS, *KEYED_PATHS))

    def decode(self, request: WireRequest) -> Decoded | Failure:
        """Read a log or an export."""
        otlp_type = _otlp_type(request.path)
        if otlp_type is not None:
            decoded = OTLP.decode(_typed(request, otlp_type))
            return decoded if isinstance(decoded, Failure) else replace(decoded, source=_own(decoded.source))
        try:
            log = read_log(request.body)
        except InvalidEventError as error:
            return Failure(kind=FailureKind.MALFORMED, message=str(error), field=error.field)
        items = _items(log, request)
        return Decoded(items=items, source=_source(request), statements=1)

    def encode(self, request: WireRequest, outcome: Decoded | Failure) -> WireResponse:
        """Answer in Helicone's shape, or OTLP's."""
        otlp_type = _otlp_type(request.path)
        if otlp_type is not None:
            return OTLP.encode(_typed(request, otlp_type), outcome)
        if isinstance(outcome, Failure):
            return answers.failed(outcome)
        if not outcome.events:
            return _refused(request, outcome.rejections[0])
        return answers.stored(outcome.events[0].entity_id, says_ok="/v1/trace/" not in request.path)


def _otlp_type(path: str) -> str | None:
    return next((media for route, media in OTLP_ROUTES.items() if path.rstrip("/").endswith(route)), None)


def _typed(request: WireRequest, otlp_type: str) -> WireRequest:
    """Say what the route takes, where the client does not: Helicone never looks."""
    if request.content_type in (JSON, PROTOBUF):
        return request
    return replace(request, headers={**request.headers, "content-type": otlp_type})


def _own(source: Source) -> Source:
    """Return `source` under this adapter's name."""
    return Source(HELICONE.name, source.sdk_name, source.sdk_version)


def _items(log: dict[str, object], request: WireRequest) -> list[Event | Rejection]:
    if _is_typed(request) and (problems := problems_of(log)):
        return [_rejection(request, RejectionCode.WRONG_VALUE, problems[0].message, problems[0].field)]
    try:
        route = _route_of(request.path)
        return list(log_events(log, request.body, route, request.headers, request.received_at, request.limits))
    except InvalidEventError as error:
        return [_rejection(request, RejectionCode(error.code), str(error), error.field)]
    except RecursionError:
        return [_rejection(request, RejectionCode.TOO_DEEP, "nested too deeply", "body")]
    except Exception as error:  # noqa: BLE001  a stranger's log must never raise
        return [_rejection(request, RejectionCode.MALFORMED, f"could not be read: {type(error).__name__}", "body")]


def _rejection(request: WireRequest, code: RejectionCode, message: str, field: str | None) -> Rejection:
    call_id = request.headers.get("helicone-request-id") or None
    headers = {name: value for name, value in request.headers.items() if name.startswith(OWN_HEADERS) and not SECRET.search(name)}
    alone = Alone(path=_keyless(request.path), headers=headers)
    return Rejection(index=0, code=code, message=message, field=field, entity_id=call_id, original=request.body, alone=alone)


def _keyless(path: str) -> str:
    """Return the route without the key that may stand in it: a letter holds no secrets."""
    parts = [part for part in path.rstrip("/").split("/") if part]
    return "/" + "/".join(part for part in parts if part in WORDS)


def _is_typed(request: WireRequest) -> bool:
    return request.path.rstrip("/").endswith(TYPED)


def _route_of(path: str) -> str:
    """Return what stands for the provider in a path: the first part that is one."""
    return next((part for part in path.split("/") if part in WORKER_ROUTES), "custom")


def _refused(request: WireRequest, rejection: Rejection) -> WireResponse:
    if _is_typed(request):
        try:
            if problems := problems_of(read_log(request.body)):
                return answers.invalid(problems)
        except InvalidEventError:
            pass  # it was readable a moment ago
    return answers.refused(rejection)


def _source(request: WireRequest) -> Source:
    name, _, version = request.headers.get("user-agent", "").partition(" ")[0].partition("/")
    return Source(HELICONE.name, name[:MOST_SDK_LENGTH], version[:MOST_SDK_LENGTH])


HELICONE = HeliconeAdapter()
