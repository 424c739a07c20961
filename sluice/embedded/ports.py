"""TCP ports: checked before anything starts, or chosen where a variable says 0."""

import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from sluice.embedded.errors import StartError

FIRST, LAST = 20_000, 32_000
TRIES = 200


@dataclass(frozen=True, slots=True)
class WantedPort:
    """A port as a variable asks for it; 0 means any."""

    variable: str
    host: str
    port: int


def is_free(host: str, port: int) -> bool:
    """Tell whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host: str = "127.0.0.1") -> int:
    """Return a free port below the range that outgoing connections use.

    A client that keeps connecting to an outgoing port nobody listens on can connect to itself, and then holds the port: with a
    broker that restarts this does happen.
    """
    for _ in range(TRIES):
        port = random.randint(FIRST, LAST)  # noqa: S311  not a secret
        if is_free(host, port):
            return port
    raise StartError(f"no free port found between {FIRST} and {LAST}")


def chosen(wanted: Mapping[str, WantedPort]) -> dict[str, int]:
    """Return name → port, free ones for 0; raise StartError naming every port that is taken, and its variable."""
    taken = [port for port in wanted.values() if port.port and not is_free(port.host, port.port)]
    taken += _twice([port for port in wanted.values() if port.port])
    if taken:
        lines = [f"  {port.variable}={port.port}: the port is taken on {port.host}; choose another, or 0 for a free one" for port in taken]
        raise StartError("ports:\n" + "\n".join(lines))
    ports: dict[str, int] = {}
    for name, port in wanted.items():
        ports[name] = port.port or _another(port.host, set(ports.values()))
    return ports


def _twice(wanted: list[WantedPort]) -> list[WantedPort]:
    seen: set[int] = set()
    return [port for port in wanted if port.port in seen or seen.add(port.port)]  # type: ignore[func-returns-value]


def _another(host: str, used: set[int]) -> int:
    while (port := free_port(host)) in used:
        pass
    return port
