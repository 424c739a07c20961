"""Who may come in: the key a request shows, looked up in the directory; guessing is slowed by client address."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from contract.addresses import client_address
from contract.attempts import AttemptPolicy, FailedAttempts
from contract.control import Directory
from contract.errors import AccessError, OverloadedError, RetryableError
from contract.keys import Presented, Project, Scope, sha256_of
from contract.metrics import AUTH_FAILURES
from contract.settings import env


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """How guessing is slowed, and how a client's address is known."""

    failure_limit: int = env("AUTH_FAILURE_LIMIT")
    failure_window_seconds: int = env("AUTH_FAILURE_WINDOW_SECONDS")
    trusted_proxy_hops: int = env("TRUSTED_PROXY_HOPS")


def always() -> bool:
    """Return True: the directory is complete from the start."""
    return True


class Doorkeeper:
    """Authorises requests. One for each process, so that an address cannot try at one port what it may not at another."""

    def __init__(
        self,
        directory: Directory,
        settings: AccessSettings | None = None,
        is_complete: Callable[[], bool] = always,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        settings = settings or AccessSettings()
        self.directory = directory
        self._hops = settings.trusted_proxy_hops
        self._attempts = FailedAttempts(AttemptPolicy(limit=settings.failure_limit, window_seconds=settings.failure_window_seconds))
        self._is_complete = is_complete
        self._clock = clock

    def address_of(self, peer: str, forwarded_for: str) -> str:
        """Return the address to hold a client by; see `client_address`."""
        return client_address(peer, forwarded_for, self._hops)

    def authorise(self, shown: Presented | None, scope: Scope, address: str) -> Project:
        """Return the project whose key was shown.

        Raises AccessError where there is none or not of `scope`, OverloadedError where too many wrong ones came from `address`, and
        RetryableError while the keys are not known yet: an answer of 401 would make clients throw away what they hold.
        """
        digest = sha256_of(shown.secret) if shown else ""
        wait_seconds = self._attempts.wait_seconds(address, digest, self._clock()) if shown else 0.0
        if wait_seconds:
            AUTH_FAILURES.labels("too_many").inc()
            raise OverloadedError(f"too many unknown keys came from this address; wait {wait_seconds:.0f} s", wait_seconds)
        try:
            project = self.directory.authorise(shown, scope, digest)
        except AccessError as error:
            self._note(error, shown, address)
            raise
        self._attempts.worked(address, digest)
        return project

    def _note(self, error: AccessError, shown: Presented | None, address: str) -> None:
        if error.is_known:
            AUTH_FAILURES.labels("wrong_scope").inc()
            return
        if not self._is_complete():
            raise RetryableError("projects and keys are not known yet: try again")
        AUTH_FAILURES.labels("unknown" if shown else "missing").inc()
        if shown is not None:
            self._attempts.failed(address, self._clock())
