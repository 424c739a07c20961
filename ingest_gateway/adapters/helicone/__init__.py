"""Helicone: calls that a client logs by hand, and OTLP by way of Helicone's SDKs."""
