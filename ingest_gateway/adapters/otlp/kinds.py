"""Which kind of observation a span is."""

from collections.abc import Mapping
from typing import Any

from contract.events import KINDS
from ingest_gateway.adapters.otlp import fields
from ingest_gateway.adapters.otlp.records import Attributes, Span
from ingest_gateway.domain import run_types

STATED = {kind: kind for kind in KINDS}
OPENINFERENCE = {
    "LLM": "generation",
    "EMBEDDING": "embedding",
    "CHAIN": "chain",
    "RETRIEVER": "retriever",
    "RERANKER": "retriever",
    "TOOL": "tool",
    "AGENT": "agent",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "evaluator",
    "PROMPT": "span",
}
GEN_AI_OPERATION = {
    "chat": "generation",
    "completion": "generation",
    "text_completion": "generation",
    "generate_content": "generation",
    "responses": "generation",
    "embeddings": "embedding",
    "embedding": "embedding",
    "retrieval": "retriever",
    "execute_tool": "tool",
    "invoke_agent": "agent",
    "create_agent": "agent",
    "agent_step": "chain",
    "invoke_workflow": "chain",
    "plan": "chain",
}
TRACELOOP = {"workflow": "chain", "task": "span", "agent": "agent", "tool": "tool"}
LLM_REQUEST_TYPE = {"chat": "generation", "completion": "generation", "embedding": "embedding", "rerank": "retriever"}
GENKIT = {
    "model": "generation",
    "embedder": "embedding",
    "retriever": "retriever",
    "reranker": "retriever",
    "tool": "tool",
    "flow": "chain",
    "flowStep": "chain",
    "evaluator": "evaluator",
}
MLFLOW = {
    '"LLM"': "generation",
    '"CHAT_MODEL"': "generation",
    '"EMBEDDING"': "embedding",
    '"CHAIN"': "chain",
    '"AGENT"': "agent",
    '"TOOL"': "tool",
    '"RETRIEVER"': "retriever",
    '"RERANKER"': "retriever",
}
BY_MARK = (
    ("openinference.span.kind", OPENINFERENCE),
    ("langsmith.span.kind", run_types.KINDS),  # its gen_ai.operation.name calls a retriever "embeddings"
    ("gen_ai.operation.name", GEN_AI_OPERATION),
    ("traceloop.span.kind", TRACELOOP),
    ("llm.request.type", LLM_REQUEST_TYPE),
    ("genkit:metadata:subtype", GENKIT),
    ("genkit:type", GENKIT),
    ("mlflow.spanType", MLFLOW),
)
PYDANTIC_AI = "pydantic-ai"
AGENT_NAMES = ("gen_ai.agent.name", "agent_name")
MODEL_MARKS = (*fields.MODEL, fields.USAGE_DETAILS)


def kind_of(span: Span, scope_name: str) -> str:
    """Return the kind, one of contract.events.KINDS. A span that repeats its children's usage is an agent or a chain."""
    attributes = span.attributes
    stated = attributes.get("langfuse.observation.type")
    if isinstance(stated, str) and (kind := STATED.get(stated.lower())):
        return kind
    for mark, kinds in BY_MARK:
        if mark in attributes and (kind := _lookup(kinds, attributes[mark])):
            return kind
        if mark == "gen_ai.operation.name" and (kind := _vercel_kind(attributes)):
            return kind
    return _implied_kind(attributes, scope_name)


def _lookup(kinds: Mapping[str, str], value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    return kinds.get(value) or kinds.get(value.lower()) or kinds.get(value.upper())


def _vercel_kind(attributes: Attributes) -> str | None:
    """The legacy SDK's outer span (`ai.generateText`) repeats the usage of the calls inside it (`ai.generateText.doGenerate`)."""
    operation = attributes.get("ai.operationId")
    if not isinstance(operation, str):
        return None
    if operation.endswith((".doGenerate", ".doStream")):
        return "generation"
    if operation.endswith(".doEmbed"):
        return "embedding"
    return "tool" if operation == "ai.toolCall" else "chain"


def _implied_kind(attributes: Attributes, scope_name: str) -> str:
    if fields.TOOL_NAME in attributes:
        return "tool"
    if scope_name == PYDANTIC_AI and any(name in attributes for name in AGENT_NAMES):
        return "agent"
    return "generation" if any(name in attributes for name in MODEL_MARKS) else "span"
