"""What keeps the embedded stack from running."""

from contract.errors import PipelineError


class StartError(PipelineError):
    """The stack cannot start; the message says why and what to do."""
