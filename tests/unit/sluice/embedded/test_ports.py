"""Ports are free, or refused by name before anything starts."""

import socket
from collections.abc import Iterator

import pytest

from sluice.embedded.errors import StartError
from sluice.embedded.ports import WantedPort, chosen, is_free

HOST = "127.0.0.1"


@pytest.fixture
def taken() -> Iterator[int]:
    """Yield a port something listens on."""
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


def test_zero_picks_free_ports_that_differ() -> None:
    """Every 0 becomes a port of its own that is free."""
    ports = chosen({str(number): WantedPort("X", HOST, 0) for number in range(20)})

    assert len(set(ports.values())) == 20
    assert all(is_free(HOST, port) for port in ports.values())


def test_a_taken_port_is_refused_with_its_variable(taken: int) -> None:
    """The message names the port and the variable that sets it."""
    with pytest.raises(StartError, match=f"QUERY_HTTP_PORT={taken}"):
        chosen({"query": WantedPort("QUERY_HTTP_PORT", HOST, taken)})


def test_one_port_for_two_variables_is_refused() -> None:
    """Two services cannot listen on one port, even if it is free now."""
    port = chosen({"any": WantedPort("X", HOST, 0)})["any"]

    with pytest.raises(StartError, match="SECOND"):
        chosen({"first": WantedPort("FIRST", HOST, port), "second": WantedPort("SECOND", HOST, port)})
