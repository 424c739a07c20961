"""Every protocol the gateway speaks over HTTP."""

from ingest_gateway.adapters.base import Adapter
from ingest_gateway.adapters.helicone.adapter import HELICONE
from ingest_gateway.adapters.langfuse.adapter import LANGFUSE
from ingest_gateway.adapters.langsmith.adapter import LANGSMITH
from ingest_gateway.adapters.native import NATIVE
from ingest_gateway.adapters.opik.adapter import OPIK
from ingest_gateway.adapters.otlp.adapter import OTLP

ADAPTERS: tuple[Adapter, ...] = (NATIVE, OTLP, LANGFUSE, LANGSMITH, OPIK, HELICONE)
