"""What `sluice up` prints once everything is ready: addresses, the demo key, and something to paste."""

from sluice.embedded.data_dir import DataDir
from sluice.embedded.endpoints import Endpoints

TEXT = """
  One address         {gateway_http}        (write, read, and a page at /ui/)
  OTLP                {otlp_http} (HTTP)   {gateway_grpc} (gRPC)
  Read API            {query_http}
  Kafka               {kafka}
  Project             {project_id}     public key {public_key}
  Ingest key          {ingest_key}
  Read key            {read_key}
  Logs                {logs}     keys {keys}

  Langfuse SDK        export LANGFUSE_HOST={gateway_http} LANGFUSE_BASE_URL={gateway_http} \\
                             LANGFUSE_PUBLIC_KEY={public_key} LANGFUSE_SECRET_KEY={ingest_key}
  OpenTelemetry       export OTEL_EXPORTER_OTLP_ENDPOINT={otlp_http} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf \\
                             OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20{ingest_key}"
  curl                curl {gateway_http}/v1/events -H "authorization: Bearer {ingest_key}" \\
                             -d '[{{"event_id": "e1", "entity": "trace", "entity_id": "t1", "name": "hello", "input": "hi"}}]'
                      curl {gateway_http}/api/v1/traces/t1 -H "authorization: Bearer {read_key}"

  `sluice demo` sends a realistic mixture of traces. Ctrl-C stops everything; nothing that was acknowledged is lost.
"""


def welcome(endpoints: Endpoints, data: DataDir) -> str:
    """Return the text."""
    values = {name: getattr(endpoints, name) for name in endpoints.__struct_fields__}
    return TEXT.format(**values, logs=data.logs, keys=data.keys)
