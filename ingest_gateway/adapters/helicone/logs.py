"""The body of a manual log → the call it tells of."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from contract.errors import InvalidEventError
from contract.events import Event, RejectionCode
from ingest_gateway.adapters.base import Limits
from ingest_gateway.adapters.helicone.bodies import text_at
from ingest_gateway.adapters.helicone.calls import Call, digest_of, events_of, without_marks
from ingest_gateway.adapters.helicone.headers import PREFIX, merged, said_by
from ingest_gateway.adapters.helicone.providers import provider_named, provider_of_host
from ingest_gateway.adapters.helicone.results import body_in, result_of
from ingest_gateway.adapters.helicone.streams import Body, dict_of
from ingest_gateway.adapters.helicone.timing import times_of
from ingest_gateway.domain.money import amount_of
from ingest_gateway.domain.texts import without_lone_surrogates

SECRETS = ("authorization", "cookie", "x-api-key", "api-key", "x-goog-api-key", "proxy-authorization")
MOST_META = 100

_decode = msgspec.json.Decoder().decode


class Problem(msgspec.Struct, frozen=True):
    """One thing that the typed route holds against a log, in Helicone's words."""

    field: str
    message: str


def read_log(body: bytes) -> Body:
    """Return the log in a request's body; raise InvalidEventError where there is none. Text that is no Unicode becomes U+FFFD."""
    try:
        value = _decode(without_lone_surrogates(body.decode("utf-8", "replace").encode()))
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidEventError(RejectionCode.MALFORMED, f"not readable JSON: {error}", "body") from None
    if not isinstance(value, dict):
        raise InvalidEventError(RejectionCode.WRONG_TYPE, "send one JSON object", "body")
    return value


def log_events(log: Body, body: bytes, route: str, headers: Mapping[str, str], received_at: int, limits: Limits) -> list[Event]:
    """Return the events of a log; raise InvalidEventError naming the field that is wrong. `route` is the provider in the path."""
    request, response = _object(log, "providerRequest"), _object(log, "providerResponse")
    meta = dict_of(request.get("meta"))
    known = merged(headers, meta)
    said = said_by(known, limits)
    asked, answered = dict_of(request.get("json")), body_in(response.get("json"))
    times = times_of(log.get("timing"), received_at)
    text, status = text_at(response, "textBody"), response.get("status")
    digest = digest_of(body, known)
    call = Call(
        call_id=said.request_id or digest,
        digest=digest,
        said=said,
        request=asked,
        result=result_of(_answered(answered, asked, text), text, status if isinstance(status, int) else None),
        start_time=times.start,
        end_time=times.end,
        first_token_time=times.first_token,
        provider=provider_named(route) or provider_named(text_at(log, "provider")) or provider_of_host(_host(request)),
        cost=amount_of(response.get("cost")),
        metadata={name: value for name, value in list(meta.items())[:MOST_META] if not _is_hidden(name)},
    )
    return events_of(call, limits)


def _answered(answered: Body, asked: Body, text: str | None) -> Body:
    """Return the answer's body, empty where an SDK's marks are all that it holds beside a text."""
    return {} if text and not without_marks(answered, asked) else _without_unknown(answered, asked)


def _without_unknown(answered: Body, asked: Body) -> Body:
    """Take away the marks of a call that is no tool's: they say `unknown`, which no provider does."""
    return answered if asked.get("_type") or answered.get("_type") not in (None, "unknown") else without_marks(answered, asked)


def _object(log: Body, name: str) -> Body:
    value = log.get(name)
    if value is None:
        raise InvalidEventError(RejectionCode.MISSING_FIELD, f"{name} is missing", name)
    if not isinstance(value, dict):
        raise InvalidEventError(RejectionCode.WRONG_TYPE, f"{name} must be an object", name)
    return value


def _is_hidden(name: str) -> bool:
    """Tell whether `meta` holds something that is read elsewhere, or nobody's to keep."""
    lower = name.lower()
    return lower.startswith((PREFIX, "x-openwebui-")) or lower in SECRETS


def _host(request: Body) -> str:
    try:
        return urlsplit(text_at(request, "url") or "").hostname or ""
    except ValueError:
        return ""


def problems_of(log: Body) -> list[Problem]:
    """Return what the typed route refuses, by Helicone's own rules (jawn, customTrace.ts)."""
    found: list[Problem] = []
    request, response, timing = log.get("providerRequest"), log.get("providerResponse"), log.get("timing")
    if not isinstance(request, dict):
        found.append(Problem("providerRequest", "providerRequest is required"))
    else:
        found += _request_problems(request)
    if not isinstance(response, dict):
        found.append(Problem("providerResponse", "providerResponse is required"))
    else:
        found += _response_problems(response)
    return found + (_timing_problems(timing) if isinstance(timing, dict) else [])


def _request_problems(request: Body) -> list[Problem]:
    has_url = isinstance(request.get("url"), str) and request["url"]
    return [
        *([] if has_url else [Problem("providerRequest.url", "url must be a non-empty string")]),
        *(
            Problem(f"providerRequest.{name}", f"{name} must be an object")
            for name in ("json", "meta")
            if not isinstance(request.get(name), (dict, list))
        ),
    ]


def _response_problems(response: Body) -> list[Problem]:
    found = []
    if not _is_number(response.get("status")):
        found.append(Problem("providerResponse.status", "status must be a number"))
    if response.get("json") is None and not response.get("textBody"):
        found.append(Problem("providerResponse", "either json or textBody is required"))
    if not isinstance(response.get("headers"), (dict, list)):
        found.append(Problem("providerResponse.headers", "headers must be an object"))
    return found


def _timing_problems(timing: Body) -> list[Problem]:
    found = [
        Problem(f"timing.{name}", f"{name} is required when timing is provided")
        for name in ("startTime", "endTime")
        if timing.get(name) is None
    ]
    first_token = timing.get("timeToFirstToken")
    if first_token is not None and not _is_number(first_token):
        found.append(Problem("timing.timeToFirstToken", "timeToFirstToken must be a number"))
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
