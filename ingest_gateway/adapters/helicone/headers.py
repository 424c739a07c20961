"""Helicone's request headers, and Open WebUI's: whose call it is, where it stands in a session, what is kept of it.

A logged call repeats some of them in `providerRequest.meta`; HTTP's own win, as in Helicone.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from ingest_gateway.adapters.base import Limits
from ingest_gateway.domain.environments import environment_named
from ingest_gateway.domain.texts import checked_id, checked_text

PREFIX = "helicone-"
READ = (PREFIX, "x-openwebui-")
PROPERTY = "helicone-property-"
ENVIRONMENT = "environment"
MOST_PROPERTIES = 100
MOST_SEGMENTS = 32
USER = ("helicone-user-id", "x-openwebui-user-id", "x-openwebui-user-email")
SESSION = ("helicone-session-id", "x-openwebui-chat-id")
OPEN_WEBUI_METADATA = {
    "x-openwebui-user-email": "user_email",
    "x-openwebui-user-name": "user_name",
    "x-openwebui-message-id": "message_id",
}
OTHER_METADATA = {
    "helicone-session-path": "session_path",
    "helicone-prompt-name": "prompt_title",
    "helicone-experiment-id": "experiment_id",
    "helicone-node-id": "node_id",
}
TRUE = "true"


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What headers say about a call. `path` is the session path's segments; None where there is no path."""

    request_id: str | None
    user_id: str | None
    session_id: str | None
    session_name: str | None
    message_id: str | None
    path: tuple[str, ...] | None
    model: str | None
    prompt_name: str | None
    prompt_version: str | None
    environment: str | None
    metadata: dict[str, str]
    omits_request: bool
    omits_response: bool


def said_by(headers: Mapping[str, str], limits: Limits) -> Said:
    """Read lower-case `headers`; raise InvalidEventError where one of them is too long."""
    properties = _properties(headers)
    environment = properties.get(ENVIRONMENT)
    path = headers.get("helicone-session-path")
    for name in (*SESSION, *USER, "helicone-request-id", "x-openwebui-message-id"):
        checked_id(name, headers.get(name, ""), limits.max_id_length)
    for name, value in headers.items():
        if name.startswith(PREFIX):
            checked_text(name, value, limits.max_string_bytes)
    return Said(
        request_id=_first(headers, "helicone-request-id"),
        user_id=_first(headers, *USER),
        session_id=_first(headers, *SESSION),
        session_name=_first(headers, "helicone-session-name"),
        message_id=_first(headers, "x-openwebui-message-id"),
        path=None if path is None or not _first(headers, "helicone-session-id") else segments_of(path),
        model=_first(headers, "helicone-model-override"),
        prompt_name=_first(headers, "helicone-prompt-id", "helicone-prompt-name"),
        prompt_version=_first(headers, "helicone-prompt-version"),
        environment=environment_named(environment) if environment else None,
        metadata={**_named(headers), **properties},
        omits_request=headers.get("helicone-omit-request", "").lower() == TRUE,
        omits_response=headers.get("helicone-omit-response", "").lower() == TRUE,
    )


def segments_of(path: str) -> tuple[str, ...]:
    """Return the parts of a slash path; what goes deeper than MOST_SEGMENTS stays one part."""
    parts = [part for part in path.split("/") if part.strip()]
    return (*parts[: MOST_SEGMENTS - 1], "/".join(parts[MOST_SEGMENTS - 1 :])) if len(parts) > MOST_SEGMENTS else tuple(parts)


def _properties(headers: Mapping[str, str]) -> dict[str, str]:
    names = [name for name in headers if name.startswith(PROPERTY) and len(name) > len(PROPERTY)]
    return {name[len(PROPERTY) :]: headers[name] for name in names[:MOST_PROPERTIES]}


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    found = {key: headers[name] for name, key in OTHER_METADATA.items() if headers.get(name)}
    return found | {key: unquote(headers[name]) for name, key in OPEN_WEBUI_METADATA.items() if headers.get(name)}


def _first(headers: Mapping[str, str], *names: str) -> str | None:
    return next((value for name in names if (value := headers.get(name, "").strip())), None)


def _text(value: str) -> str:
    """Return a header's value as it was meant: HTTP's Latin-1 may be somebody's UTF-8."""
    if value.isascii():
        return value
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def merged(headers: Mapping[str, str], meta: Any) -> dict[str, str]:
    """Return those of `headers` that say something about a call, with what a logged call's `meta` adds to them."""
    added = {name.lower(): value for name, value in meta.items() if isinstance(value, str)} if isinstance(meta, dict) else {}
    said = {name: _text(value) for name, value in headers.items() if name.startswith(READ)}
    known = {**{name: value for name, value in added.items() if name.startswith(READ)}, **said}
    known.pop("helicone-auth", None)
    return known
