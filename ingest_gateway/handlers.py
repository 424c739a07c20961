"""Routes that need I/O of their own beside Kafka, which a pure adapter cannot have: uploads, look-ups in object storage."""

from abc import ABC, abstractmethod

from contract.keys import Project
from ingest_gateway.adapters.base import NOBODY, Failure, Route, WireRequest, WireResponse


class Handler(ABC):
    """Answers requests by itself. Blocking work belongs on a thread."""

    name: str
    routes: tuple[Route, ...]

    def project_of(self, request: WireRequest) -> Project | Failure:  # noqa: ARG002  for those that look
        """Say who may use a public route, from what is known before the body is read; no key stands behind it."""
        return NOBODY

    @abstractmethod
    async def take(self, request: WireRequest) -> WireResponse:
        """Answer an authorised request."""

    @abstractmethod
    def encode(self, request: WireRequest, outcome: Failure) -> WireResponse:
        """Answer a request that failed before `take`."""
