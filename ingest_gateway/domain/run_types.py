"""LangSmith's types of runs, by its own protocol or in its OTel mode → kinds of observations."""

from collections.abc import Mapping

from ingest_gateway.domain.statements import Kind

KINDS: Mapping[str, Kind] = {
    "llm": "generation",
    "chain": "chain",
    "tool": "tool",
    "retriever": "retriever",
    "embedding": "embedding",
    "prompt": "span",
    "parser": "span",
}
