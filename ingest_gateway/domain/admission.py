"""How much the gateway holds at a time: bytes of requests between arrival and acknowledgement."""


class Holding:
    """Counts held bytes against a bound."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self.held_bytes = 0

    def admit(self, size_bytes: int) -> bool:
        """Hold `size_bytes` more if they fit; a request that is alone always fits."""
        if self.held_bytes and self.held_bytes + size_bytes > self._limit_bytes:
            return False
        self.held_bytes += size_bytes
        return True

    def release(self, size_bytes: int) -> None:
        """Hold `size_bytes` less."""
        self.held_bytes -= size_bytes
