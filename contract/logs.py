"""Logging: a constant event name with fields (`batch_flushed rows=500`), as text or as JSON lines on stderr."""

import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contract.secrets import Masker, masker_for
from contract.settings import env

EVENT = re.compile(r"([a-z][a-z0-9]*(?:_[a-z0-9]+)+)(?= |$)")
"""What an entry of ours begins with: `batch_flushed`, never a single word."""

PLACEHOLDER = re.compile(r"(?:(\w+)=)?%[-+0 #]*\d*(?:\.\d+)?[srdfgx]")
"""A placeholder and, before it, the field it is the value of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """How much is logged, and how."""

    level: str = env("LOG_LEVEL")
    format: str = env("LOG_FORMAT")


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the entry as JSON."""
        entry = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **named(record),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


def named(record: logging.LogRecord) -> dict[str, Any]:
    """Return the entry's event and its fields, so that a log store can search them; nothing where it is not one of ours."""
    event = EVENT.match(str(record.msg))
    if event is None or isinstance(record.args, Mapping):
        return {}
    names = PLACEHOLDER.findall(str(record.msg))
    arguments = record.args or ()
    if len(names) != len(arguments):
        return {"event": event[1]}
    return {"event": event[1], "fields": {name: _plain(value) for name, value in zip(names, arguments, strict=True) if name}}


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


class MaskedFormatter(logging.Formatter):
    """Another formatter's entries without secrets, whoever logs them: libraries and tracebacks quote what they were given."""

    def __init__(self, formatter: logging.Formatter, masker: Masker) -> None:
        super().__init__()
        self._formatter = formatter
        self._masker = masker

    def format(self, record: logging.LogRecord) -> str:
        """Return the entry, masked."""
        return self._masker(self._formatter.format(record))


def set_up(settings: LogSettings, environ: Mapping[str, str] = os.environ) -> None:
    """Send every log entry to stderr in the chosen format; the secrets in `environ` and what looks like one are masked."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s %(message)s")
    handler.setFormatter(MaskedFormatter(JsonFormatter() if settings.format == "json" else text, masker_for(environ)))
    logging.basicConfig(level=settings.level, handlers=[handler], force=True)
    for noisy in ("botocore", "urllib3", "clickhouse_connect", "aiokafka", "faust", "mode", "_granian", "granian"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))
