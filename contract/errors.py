"""The error tree; each class names what the caller should do next.

PipelineError
├── InvalidEventError      never retry: the event itself is wrong
├── CodecError             never retry: the bytes are not what they should be
├── RetryableError         try again, the fault passes
│   └── OverloadedError    try again later: a limit was reached
├── AccessError            the key is missing, unknown or of the wrong scope
└── SettingsError          stop: the process is configured wrongly
"""


class PipelineError(Exception):
    """Root of everything Sluice raises on purpose."""


class InvalidEventError(PipelineError):
    """An event that can never be accepted; `code` is one of `contract.events.RejectionCode`."""

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


class CodecError(PipelineError):
    """Bytes that cannot be decoded under any schema that is known here."""


class RetryableError(PipelineError):
    """A passing fault: Kafka away, the store refusing, a time-out."""

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class OverloadedError(RetryableError):
    """A limit was reached: a project's rate, or a queue that is full."""


class AccessError(PipelineError):
    """A request that may not be answered; `is_known` tells 403 (known key, wrong scope) from 401."""

    def __init__(self, message: str, *, is_known: bool = False) -> None:
        super().__init__(message)
        self.is_known = is_known


class SettingsError(PipelineError):
    """Every mistake found in the environment, one a line, each with its variable's name."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("wrong settings:\n" + "\n".join(f"  {mistake}" for mistake in mistakes))
        self.mistakes = mistakes
