"""Which adapter answers a method and path: exact paths by one look-up, `{name}` patterns after them."""

from collections.abc import Iterable
from dataclasses import dataclass

from ingest_gateway.adapters.base import Adapter, Route
from ingest_gateway.handlers import Handler


@dataclass(frozen=True, slots=True)
class Match:
    """A route and whose it is."""

    adapter: Adapter | Handler
    route: Route


@dataclass(frozen=True, slots=True)
class WrongMethod:
    """The path is known, its method is not; `allowed` names the ones that are."""

    allowed: tuple[str, ...]


KEY = "{key}"
"""The part of a pattern that stands for a key, for clients that cannot set a header."""

Methods = dict[str, Match]
Segments = tuple[str, ...]


def key_in(route: Route, path: str) -> str | None:
    """Return the key that stands in `path` where the route has a `{key}`; None for all other routes."""
    if KEY not in route.path:
        return None
    return dict(zip(route.path.split("/"), path.split("/"), strict=False)).get(KEY)


class Router:
    """Routes of all adapters and handlers. Raises ValueError where two claim the same one."""

    def __init__(self, adapters: Iterable[Adapter | Handler]) -> None:
        self._exact: dict[str, Methods] = {}
        self._patterns: dict[Segments, Methods] = {}
        for adapter in adapters:
            for route in adapter.routes:
                self._add(Match(adapter, route))

    def find(self, method: str, path: str) -> Match | WrongMethod | None:
        """Return what answers; None where no adapter knows the path. A trailing slash makes no difference."""
        methods = self._exact.get(path) or self._methods_of(path)
        if methods is None:
            return None
        return methods.get(method) or WrongMethod(tuple(sorted(methods)))

    def _add(self, match: Match) -> None:
        path = match.route.path
        methods = (
            self._patterns.setdefault(tuple(path.split("/")), {}) if "{" in path else self._exact.setdefault(path.rstrip("/") or "/", {})
        )
        taken = methods.setdefault(match.route.method, match)
        if taken is not match:
            raise ValueError(f"{match.route.method} {path} belongs to {taken.adapter.name} and to {match.adapter.name}")

    def _methods_of(self, path: str) -> Methods | None:
        path = path.rstrip("/") or "/"
        if path in self._exact:
            return self._exact[path]
        given = tuple(path.split("/"))
        return next((methods for pattern, methods in self._patterns.items() if _fits(pattern, given)), None)


def _fits(pattern: Segments, given: Segments) -> bool:
    if len(pattern) != len(given):
        return False
    return all(wanted == segment or (wanted.startswith("{") and segment != "") for wanted, segment in zip(pattern, given, strict=True))
