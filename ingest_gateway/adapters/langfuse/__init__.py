"""Langfuse's own protocol beside OTLP: batches of events, scores, and the calls its SDKs make before they send."""
