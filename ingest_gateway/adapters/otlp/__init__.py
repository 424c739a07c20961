"""OpenTelemetry protocol: traces, logs and metrics over HTTP (protobuf and JSON) and gRPC, with every GenAI convention."""
