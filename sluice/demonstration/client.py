"""A small HTTP client for the stack: JSON in, JSON out, one connection."""

import http.client
import json
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from sluice.embedded.errors import StartError

TIMEOUT_SECONDS = 30.0


class ApiError(StartError):
    """The stack answered with an error, or not at all."""


class Client:
    """One connection, used by one thread, with one key; a context manager that closes it."""

    def __init__(self, base_url: str, key: str) -> None:
        self._base_url = base_url
        self._connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=TIMEOUT_SECONDS)
        self._headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def get(self, path: str, **query: str | int) -> Any:
        """Return the JSON at `path`; raise ApiError where there is none."""
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path, None)

    def post(self, path: str, value: Any) -> Any:
        """Send JSON and return the answer's; raise ApiError where it was refused."""
        return self._ask("POST", path, json.dumps(value).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        try:
            self._connection.request(method, path, body, self._headers)
            response = self._connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise ApiError(f"{self._base_url} does not answer: {error}") from error
        if response.status != http.client.OK:
            raise ApiError(f"{method} {path}: {response.status} {answer[:500].decode(errors='replace')}")
        return json.loads(answer)
