"""Which model a run called, whose it is, and with which parameters."""

from typing import NamedTuple

import msgspec

from ingest_gateway.adapters.langsmith.wire import Fields, object_of, text_in
from ingest_gateway.domain.dify import provider_named

INVOCATION = "invocation_params"
LS_INVOCATION = "ls_invocation_params"
MODEL_NAMES = ("model", "model_name", "model_id")
STATED = {"ls_temperature": "temperature", "ls_max_tokens": "max_tokens", "ls_stop": "stop"}
NOT_PARAMETERS = frozenset({*MODEL_NAMES, "_type"})
SERVICE_TIER = "service_tier"


class Model(NamedTuple):
    """A model call's model."""

    name: str | None
    provider: str | None
    parameters: Fields
    service_tier: str | None


def model_of(extra: Fields, metadata: Fields) -> Model:
    """Return the model by LangSmith's own metadata, else by LangChain's invocation parameters."""
    invocation = object_of(extra.get(INVOCATION, msgspec.UNSET))
    parameters = {**invocation, **object_of(metadata.get(LS_INVOCATION, msgspec.UNSET))}
    parameters.update({name: metadata[key] for key, name in STATED.items() if key in metadata})
    return Model(
        text_in(metadata, "ls_model_name") or text_in(invocation, *MODEL_NAMES),
        provider_named(text_in(metadata, "ls_provider")),
        {name: value for name, value in parameters.items() if name not in NOT_PARAMETERS},
        text_in(parameters, SERVICE_TIER),
    )
