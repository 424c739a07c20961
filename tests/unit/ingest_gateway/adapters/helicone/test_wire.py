"""Times, limits, answers and the typed route."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from contract.events import RejectionCode
from ingest_gateway.adapters.base import NOBODY, Decoded, Failure, FailureKind, Limits, WireRequest, WireResponse
from ingest_gateway.adapters.helicone.adapter import HELICONE
from ingest_gateway.router import Match, Router, key_in

Send = Callable[..., tuple[Decoded | Failure, WireResponse]]
Log = Callable[..., dict[str, Any]]

CHAT = {"model": "gpt-4o", "messages": []}
RECEIVED_AT = 1_795_245_300_000_000
AT = 1_795_244_396_977_000


@pytest.mark.parametrize(
    ("stated", "at"),
    [
        ({"seconds": 1795244396, "milliseconds": 977}, AT),
        ({"seconds": "1795244396", "milliseconds": "977"}, AT),
        ({"seconds": 1795244396, "milliseconds": None}, 1_795_244_396_000_000),
        ("1795244396", 1_795_244_396_000_000),
        ("1795244396977", AT),
        (1795244396977, AT),
        (1795244396.977, AT),
        ("2026-11-21T06:59:56.977Z", AT),
        ("2026-11-21T07:59:56.977+01:00", AT),
        (None, RECEIVED_AT),
        ("", RECEIVED_AT),
    ],
)
def test_a_time_in_any_form(send: Send, log_of: Log, stated: Any, at: int) -> None:
    """Objects, digits and dates; what is not stated is the time of arrival."""
    log = {**log_of(CHAT), "timing": {"startTime": stated, "endTime": stated}}

    outcome, _ = send("/oai/v1/log", log)

    assert isinstance(outcome, Decoded)
    assert (outcome.events[0].fields["start_time"], outcome.events[0].fields["end_time"]) == (at, at)


@pytest.mark.parametrize("stated", ["yesterday", {"seconds": "x"}, {"seconds": 10**15}, [1], True, -5, "9" * 30, 1e300])
def test_what_is_no_time_is_refused(send: Send, log_of: Log, stated: Any) -> None:
    """By name; a log with a wrong time would stand in the wrong place for ever."""
    outcome, answer = send("/oai/v1/log", {**log_of(CHAT), "timing": {"startTime": stated, "endTime": 1795244396}})

    assert isinstance(outcome, Decoded)
    assert (outcome.events, outcome.rejections[0].field, answer.status) == ([], "timing.startTime", 400)
    assert json.loads(answer.body)["field"] == "timing.startTime"


def test_an_end_before_the_start(send: Send, log_of: Log) -> None:
    """It is the start."""
    outcome, _ = send("/oai/v1/log", {**log_of(CHAT), "timing": {"startTime": 1795244396977, "endTime": 1795244396000}})

    assert isinstance(outcome, Decoded)
    assert outcome.events[0].fields["end_time"] == AT


def test_a_first_token_in_the_last_millisecond(send: Send, log_of: Log) -> None:
    """Start and end are whole ms and the delay is not: it is not after the end for that."""
    outcome, _ = send("/oai/v1/log", log_of(CHAT, first_token=2500.4))

    assert isinstance(outcome, Decoded)
    assert outcome.events[0].fields["completion_start_time"] == outcome.events[0].fields["end_time"]


@pytest.mark.parametrize("first_token", [-1, "soon", True, float("inf"), None, 1e18])
def test_a_first_token_that_is_none(send: Send, log_of: Log, first_token: Any) -> None:
    """It says nothing."""
    body = json.dumps(log_of(CHAT, first_token=first_token)).replace("Infinity", "1e400").encode()
    outcome, _ = send("/oai/v1/log", body)

    fields = outcome.events[0].fields if isinstance(outcome, Decoded) else {}
    assert "completion_start_time" not in fields


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"", FailureKind.MALFORMED), (b"[1]", FailureKind.MALFORMED), (b"{", FailureKind.MALFORMED), (b"[" * 5_000, FailureKind.MALFORMED)],
)
def test_what_is_no_log(send: Send, body: bytes, kind: FailureKind) -> None:
    """The whole request fails, and says why."""
    outcome, answer = send("/custom/v1/log", body)

    assert isinstance(outcome, Failure)
    assert (outcome.kind, answer.status) == (kind, 400)
    assert json.loads(answer.body)["error"]


@pytest.mark.parametrize(
    ("log", "field"), [({}, "providerRequest"), ({"providerRequest": {}}, "providerResponse"), ({"providerRequest": 1}, "providerRequest")]
)
def test_a_log_without_its_halves(send: Send, log: Any, field: str) -> None:
    """The missing one is named."""
    outcome, answer = send("/oai/v1/log", log)

    assert isinstance(outcome, Decoded)
    assert (outcome.rejections[0].field, answer.status) == (field, 400)


@pytest.mark.parametrize(
    ("limits", "headers", "field"),
    [
        (Limits(max_event_bytes=500), {}, "providerResponse"),
        (Limits(max_id_length=4), {"Helicone-User-Id": "longer"}, "helicone-user-id"),
        (Limits(max_string_bytes=8), {"Helicone-Property-App": "much longer"}, "helicone-property-app"),
    ],
)
def test_limits(send: Send, log_of: Log, limits: Limits, headers: dict[str, str], field: str) -> None:
    """What is over one is refused by name, as too large."""
    outcome, answer = send("/oai/v1/log", log_of(CHAT, {"text": "x" * 1_000}), headers, limits=limits)

    assert isinstance(outcome, Decoded)
    assert (outcome.rejections[0].code, outcome.rejections[0].field, answer.status) == (RejectionCode.TOO_LARGE, field, 413)


def test_text_that_is_no_unicode(send: Send, log_of: Log) -> None:
    """It becomes U+FFFD."""
    body = json.dumps(log_of(CHAT, {"text": "A"})).replace('"A"', '"\\ud800 \x00"').encode().replace(b"\x00", b"\xff")

    outcome, _ = send("/oai/v1/log", body)

    assert isinstance(outcome, Decoded)
    assert json.loads(outcome.events[0].fields["output"]) == {"text": "\ufffd \ufffd"}


def test_answers(send: Send, log_of: Log) -> None:
    """`ok` with the id, and nothing from the trace routes."""
    headers = {"Helicone-Request-Id": "r-1"}

    _, worker = send("/custom/v1/log", log_of(CHAT), headers)
    _, jawn = send("/v1/trace/custom/v1/log", log_of(CHAT), headers)

    assert (worker.status, worker.body, worker.headers) == (200, b"ok", {"helicone-id": "r-1"})
    assert (jawn.status, jawn.body) == (200, b"")


def test_an_id_that_fits_no_header(send: Send, log_of: Log) -> None:
    """It is stored, and not answered with."""
    _, answer = send("/custom/v1/log", log_of(CHAT, meta={"Helicone-Request-Id": "é\n"}))

    assert (answer.status, answer.headers) == (200, {})


@pytest.mark.parametrize(
    ("kind", "status", "retry_after"),
    [
        (FailureKind.UNAUTHENTICATED, 401, None),
        (FailureKind.UNAVAILABLE, 503, "1"),
        (FailureKind.OVERLOADED, 429, "1"),
        (FailureKind.TOO_LARGE, 413, None),
    ],
)
def test_failures(kind: FailureKind, status: int, retry_after: str | None) -> None:
    """The logger prints the body."""
    request = WireRequest(method="POST", path="/helicone/custom/v1/log", headers={}, received_at=0, project=NOBODY)

    answer = HELICONE.encode(request, Failure(kind=kind, message="why"))

    assert (answer.status, answer.headers.get("retry-after"), json.loads(answer.body)) == (status, retry_after, {"error": "why"})


def test_the_typed_route(send: Send, log_of: Log) -> None:
    """It takes what is well-formed, and names everything that is not, in Helicone's words."""
    good = log_of(CHAT, {"choices": []})
    bad = {"providerRequest": {"json": 1}, "providerResponse": {"status": "200"}, "timing": {"timeToFirstToken": "x"}}

    _, taken = send("/v1/trace/custom/log/typed", good)
    outcome, refused = send("/v1/trace/custom/log/typed", bad)

    assert taken.status == 200
    assert isinstance(outcome, Decoded)
    assert (outcome.events, refused.status) == ([], 400)
    said = json.loads(refused.body)
    assert said["isValid"] is False
    assert [error["field"] for error in said["errors"]] == [
        "providerRequest.url",
        "providerRequest.json",
        "providerRequest.meta",
        "providerResponse.status",
        "providerResponse",
        "providerResponse.headers",
        "timing.startTime",
        "timing.endTime",
        "timing.timeToFirstToken",
    ]
    assert said["errors"][0]["message"] == "url must be a non-empty string"


def test_otlp_routes_say_what_they_take(send: Send) -> None:
    """The content type is the route's where a client states none; a broken export is told in OTLP's words."""
    taken, answer = send("/v1/trace/log", {"resourceSpans": []})
    refused, told = send("/v1/trace/log-python", b"\xff\xff", {"Content-Type": "application/x-protobuf"})

    assert isinstance(taken, Decoded)
    assert (answer.status, answer.body) == (200, b"{}")
    assert isinstance(refused, Failure)
    assert (told.status, told.content_type) == (400, "application/x-protobuf")


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/helicone/sl-1/oai/v1/log", "sl-1"),
        ("/helicone/custom/v1/sl-1/log", "sl-1"),
        ("/helicone/sl-1/v1/trace/log-python", "sl-1"),
        ("/helicone/sl-1/v1/trace/custom/log/typed", "sl-1"),
        ("/helicone/oai/v1/log", None),
        ("/helicone/v1/trace/custom/v1/log", None),
    ],
)
def test_the_key_in_the_path(path: str, key: str | None) -> None:
    """Before the route or behind its version."""
    found = Router([HELICONE]).find("POST", path)

    assert isinstance(found, Match)
    assert key_in(found.route, path) == key
