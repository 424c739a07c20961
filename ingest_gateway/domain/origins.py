"""Which pages in browsers may call the gateway: answers to the preflights of CORS, and the headers that let a page read an answer.

Keys stand in headers that a page sets itself, never in cookies, so credentials in CORS' sense are not allowed.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

ANY: Final = "*"
ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9._~-]+(?::[0-9]{1,5})?|https?://\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?", re.ASCII)
NAMES: Final = re.compile(r"[A-Za-z0-9_-]+(?:[ \t]*,[ \t]*[A-Za-z0-9_-]+)*", re.ASCII)
LONGEST_NAMES: Final = 1_000
PREFLIGHT_SECONDS: Final = 7_200
"""How long a browser need not ask again; none takes more."""

READABLE: Final = "retry-after, ratelimit-reset, x-sluice-rejected, helicone-id"


def wrong_origins(origins: Collection[str]) -> list[str]:
    """Return what is no origin: scheme, host and perhaps a port, without a path, or `*` for all."""
    return [origin for origin in origins if origin != ANY and not ORIGIN.fullmatch(origin)]


class Origins:
    """The origins that are allowed; none without any."""

    def __init__(self, allowed: Collection[str] = ()) -> None:
        self._allowed = frozenset(origin.lower() for origin in allowed)

    def __bool__(self) -> bool:
        """Tell whether any is."""
        return bool(self._allowed)

    def shared(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers by which the page that asks may read the answer; `headers` are those of its request."""
        if not self._allowed:
            return {}
        origin = headers.get("origin", "")
        if ANY in self._allowed:
            return {"access-control-allow-origin": ANY, "access-control-expose-headers": READABLE} if origin else {}
        said = {"vary": "origin"}
        if origin.lower() in self._allowed:
            said |= {"access-control-allow-origin": origin, "access-control-expose-headers": READABLE}
        return said

    def preflight(self, headers: Mapping[str, str], method: str) -> dict[str, str]:
        """Return what a browser is told, beside `shared`, that asks whether `method` may be used as its `headers` say."""
        if "access-control-allow-origin" not in self.shared(headers):
            return {}
        said = {"access-control-allow-methods": method, "access-control-max-age": str(PREFLIGHT_SECONDS)}
        wanted = headers.get("access-control-request-headers", "").strip()
        if len(wanted) <= LONGEST_NAMES and NAMES.fullmatch(wanted):
            said["access-control-allow-headers"] = wanted
        return said
