"""What all spans of one scope share, worked out once."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from contract.events import Source
from ingest_gateway.adapters.base import Limits
from ingest_gateway.adapters.otlp import fields
from ingest_gateway.adapters.otlp.lookup import first_text
from ingest_gateway.adapters.otlp.records import Attributes, Group
from ingest_gateway.adapters.otlp.usage import semantics_of, version_of
from ingest_gateway.domain.environments import environment_named
from ingest_gateway.domain.event_bounds import is_small
from ingest_gateway.domain.json_values import json_of

PROTOCOL = "otlp"
LANGFUSE_SCOPE = "langfuse-sdk"
WHOLE = "attributes"
"""What is named where a record as a whole is too large."""
ENCODES_METADATA_SINCE = {"python": (5,), "javascript": (6,)}
"""Langfuse SDKs that write every metadata value as JSON; earlier ones send bare texts, which must not be decoded."""
MOST_SDK_LENGTH = 100


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about a span that does not stand in the span."""

    limits: Limits
    received_at: int
    is_small: bool
    scope_name: str
    encodes_metadata: bool
    usage_semantics: str | None
    shared_metadata: dict[str, str]
    environment: str | None
    release: str | None
    version: str | None
    header_session: str | None
    header_user: str | None


class Delivery(NamedTuple):
    """What is known of a request beside its records. Header names are lower-case."""

    headers: Mapping[str, str]
    limits: Limits
    received_at: int
    size_bytes: int


def context_of(group: Group, delivery: Delivery) -> Context:
    """Return the context of the spans of `group`."""
    headers, limits = delivery.headers, delivery.limits
    resource, scope = group.resource, group.scope
    shared = {}
    if resource:
        shared["resourceAttributes"] = json_of(resource)
    if scope.name or scope.version or scope.attributes:
        shared["scope"] = json_of({"name": scope.name, "version": scope.version, "attributes": scope.attributes})
    return Context(
        limits=limits,
        received_at=delivery.received_at,
        is_small=is_small(delivery.size_bytes, limits),
        scope_name=scope.name,
        encodes_metadata=_encodes_metadata(group, headers),
        usage_semantics=semantics_of(scope),
        shared_metadata=shared,
        environment=environment_of(resource),
        release=first_text(resource, fields.RELEASE),
        version=first_text(resource, fields.RESOURCE_VERSION),
        header_session=_header(headers, fields.SESSION_HEADERS),
        header_user=_header(headers, fields.USER_HEADERS),
    )


def _header(headers: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := headers.get(name))), None)


def _encodes_metadata(group: Group, headers: Mapping[str, str]) -> bool:
    if group.scope.name == LANGFUSE_SCOPE:
        name, version = _language(group.resource), group.scope.version
    else:
        name, version = headers.get("x-langfuse-sdk-name", ""), headers.get("x-langfuse-sdk-version", "")
    since = ENCODES_METADATA_SINCE.get(name)
    return since is not None and version_of(version) >= since


def _language(resource: Attributes) -> str:
    language = resource.get("telemetry.sdk.language")
    return "javascript" if language in ("nodejs", "webjs") else str(language)


def environment_of(attributes: Attributes) -> str | None:
    """Return the environment as Langfuse normalises it; None if unsaid."""
    stated = first_text(attributes, fields.ENVIRONMENT)
    return None if stated is None else environment_named(stated)


def source_of(resource: Attributes, headers: Mapping[str, str]) -> Source:
    """Return who sent the request: Langfuse's headers, else the OpenTelemetry SDK of the first resource."""
    if name := headers.get("x-langfuse-sdk-name") or headers.get("x_langfuse_sdk_name"):
        version = headers.get("x-langfuse-sdk-version") or headers.get("x_langfuse_sdk_version") or ""
        return Source(PROTOCOL, f"langfuse-{name}"[:MOST_SDK_LENGTH], version[:MOST_SDK_LENGTH])
    parts = [text for key in ("telemetry.sdk.name", "telemetry.sdk.language") if (text := first_text(resource, (key,)))]
    version = first_text(resource, ("telemetry.sdk.version",)) or ""
    return Source(PROTOCOL, "-".join(parts)[:MOST_SDK_LENGTH], version[:MOST_SDK_LENGTH])
