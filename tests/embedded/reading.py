"""Reading back through the one base URL, with a deadline instead of a pause."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from sluice.embedded.endpoints import Endpoints

POLL_SECONDS = 0.02


def get(stack: Endpoints, path: str, key: str | None = None, **query: str) -> Any:
    """GET a read route; raise HTTPError for anything but 200."""
    url = f"{stack.gateway_http}{path}" + (f"?{urlencode(query)}" if query else "")
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {key or stack.read_key}"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.loads(response.read())


def await_that(check: Callable[[], Any], within_seconds: float) -> Any:
    """Return what `check` returns once it is true; fail with its last complaint after the deadline.

    `check` may raise AssertionError or HTTPError while it is too early.
    """
    deadline = time.monotonic() + within_seconds
    while True:
        try:
            if found := check():
                return found
            complaint = "never true"
        except (AssertionError, urllib.error.HTTPError) as error:
            complaint = repr(error)
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_seconds} s: {complaint}")
        time.sleep(POLL_SECONDS)


def await_trace(stack: Endpoints, trace_id: str, observations: int, within_seconds: float) -> Any:
    """Return the trace once it has so many observations and its own row, which brings its name, is there too."""

    def complete() -> Any:
        trace = get(stack, f"/api/v1/traces/{trace_id}")
        is_whole = trace["name"] is not None and len(trace["observations"]) == observations == trace["observation_count"]
        return trace if is_whole else None

    return await_that(complete, within_seconds)
