"""Routes: exact paths, patterns, methods."""

import pytest

from ingest_gateway.adapters.base import Decoded, Failure, Route, WireRequest, WireResponse
from ingest_gateway.adapters.registry import ADAPTERS
from ingest_gateway.router import Match, Router, WrongMethod


class FakeAdapter:
    """An adapter that only has routes."""

    def __init__(self, *routes: Route, name: str = "fake") -> None:
        self.name = name
        self.routes = routes

    def decode(self, request: WireRequest) -> Decoded | Failure:
        """Not called."""
        raise NotImplementedError

    def encode(self, request: WireRequest, outcome: Decoded | Failure) -> WireResponse:
        """Not called."""
        raise NotImplementedError


ROUTER = Router(
    [
        FakeAdapter(
            Route(method="POST", path="/runs"),
            Route(method="POST", path="/runs/batch"),
            Route(method="PATCH", path="/runs/{id}"),
            Route(method="GET", path="/runs/{id}"),
        )
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("POST", "/runs", "/runs"),
        ("POST", "/runs/", "/runs"),
        ("POST", "/runs/batch", "/runs/batch"),
        ("PATCH", "/runs/5", "/runs/{id}"),
        ("GET", "/runs/a%20b", "/runs/{id}"),
    ],
)
def test_a_route_is_found(method: str, path: str, route: str) -> None:
    """Exact paths come before patterns; a trailing slash makes no difference."""
    found = ROUTER.find(method, path)

    assert isinstance(found, Match)
    assert found.route.path == route


@pytest.mark.parametrize("path", ["/", "/run", "/runs/5/more", "/runs//", ""])
def test_an_unknown_path_is_nobodys(path: str) -> None:
    """A pattern's name stands for exactly one segment that is not empty."""
    assert not isinstance(ROUTER.find("PATCH", path), Match)


def test_a_wrong_method_names_the_right_ones() -> None:
    """For exact paths and for patterns."""
    assert ROUTER.find("GET", "/runs") == WrongMethod(("POST",))
    assert ROUTER.find("DELETE", "/runs/5") == WrongMethod(("GET", "PATCH"))


def test_two_adapters_may_not_claim_one_route() -> None:
    """The mistake shows at start."""
    claim = Route(method="POST", path="/x")

    with pytest.raises(ValueError, match="one and to two"):
        Router([FakeAdapter(claim, name="one"), FakeAdapter(claim, name="two")])


def test_the_registrys_routes_do_not_collide() -> None:
    """Every protocol has its own paths."""
    router = Router(ADAPTERS)

    assert all(isinstance(router.find(route.method, route.path), Match) for adapter in ADAPTERS for route in adapter.routes)
