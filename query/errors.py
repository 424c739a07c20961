"""What a reader can get wrong; each becomes one HTTP status in `query.app`."""

from contract.errors import PipelineError


class BadRequestError(PipelineError):
    """A parameter that cannot be used; `field` names it, `code` is a word for programs."""

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


class NotFoundError(PipelineError):
    """Nothing is stored under this id in the key's project."""
