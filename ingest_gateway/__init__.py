"""Bytes from strangers to validated events on a topic."""
