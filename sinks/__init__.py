"""Rows to stores; one engine for every sink."""
