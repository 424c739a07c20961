"""One file a client protocol: bytes in, events out; pure."""
