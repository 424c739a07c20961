"""The gateway's door for refused events: posted the way their client would, judged once more."""

import http.client
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

import msgspec

from contract.errors import RetryableError
from contract.letters import ATTEMPT_HTTP_HEADER
from sluice.dead_letters.letter import ToGateway

TIMEOUT_SECONDS = 30.0
ACCEPTED = frozenset({200, 201, 202, 204})
MULTI_STATUS = 207
JUDGED = ACCEPTED | {MULTI_STATUS, 400, 413, 422}
"""Answers that say what became of the event; any other is about the request, the key or the gateway."""

OTLP_PATHS = frozenset({"/v1/traces", "/v1/logs"})
PROTOBUF = "application/x-protobuf"
SHOWN_CHARACTERS = 300


class Answer(NamedTuple):
    """What the gateway said. An event that it refused again is a dead letter again, of one attempt more."""

    is_accepted: bool
    text: str


class Door:
    """One connection to the gateway with a key of one project; a context manager that closes it."""

    def __init__(self, base_url: str, key: str, project_id: str) -> None:
        self._base_url = base_url
        self._key = key
        self.project_id = project_id
        self._connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def post(self, to: ToGateway, attempt: int) -> Answer:
        """Post an event; raise RetryableError where the gateway did not judge it."""
        ours = {"authorization": f"Bearer {self._key}", "content-type": to.content_type, ATTEMPT_HTTP_HEADER: str(attempt)}
        try:
            self._connection.request(to.method, to.path, to.body, {**to.headers, **ours})
            response = self._connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise RetryableError(f"{self._base_url} does not answer: {error}") from error
        text = answer[:SHOWN_CHARACTERS].decode(errors="replace")
        if response.status not in JUDGED:
            raise RetryableError(f"{to}: {response.status} {text}")
        if response.status == MULTI_STATUS:
            return Answer(_has_no_errors(answer), text)
        return Answer(response.status in ACCEPTED and not _is_partial(to, answer), text)


def _is_partial(to: ToGateway, answer: bytes) -> bool:
    """Tell whether an OTLP export, which is answered 200 in any case, was not taken in whole: only then its answer says something."""
    if to.path not in OTLP_PATHS:
        return False
    return bool(answer) if to.content_type == PROTOBUF else b"partialSuccess" in answer


def _has_no_errors(answer: bytes) -> bool:
    """Tell whether a Langfuse batch was taken in whole: 207 is its answer in any case."""
    try:
        found = msgspec.json.decode(answer, type=dict[str, Any])
    except msgspec.MsgspecError:
        return False
    return found.get("errors") == [] and not found.get("rejected")
