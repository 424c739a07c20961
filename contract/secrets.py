"""Secrets in text that people or machines will read: keys, passwords in URLs, and the values of secret settings, all masked."""

import re
from collections.abc import Iterable, Mapping

from contract.variables import VARIABLES

MASK = "********"
SHORTEST_VALUE = 6
"""Shorter values would mask words that have nothing to do with them."""
FOREIGN_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

KEY = re.compile(r"\bsl-(?P<scope>ingest|read|admin)-[A-Za-z0-9_-]{4,}")
USER_INFO = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)(?P<user>[^\s/@:]*):(?P<password>[^\s/@]+)@", re.IGNORECASE)
CREDENTIALS = re.compile(r"\b(?P<word>(?i:bearer|basic))(?P<gap>[ +]|%20)(?=[a-z._~+/=-]*[A-Z0-9])[A-Za-z0-9._~+/=-]{8,}")
OBJECT_TOKEN = re.compile(r"(?P<path>/v1/objects/)[^\s/?'\"]+")


class Masker:
    """Masks what looks like a secret, and the values it was told of."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        known = sorted({value for value in values if len(value) >= SHORTEST_VALUE}, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, text: str) -> str:
        """Return `text` without secrets."""
        if self._values is not None:
            text = self._values.sub(MASK, text)
        if "sl-" in text:
            text = KEY.sub(rf"sl-\g<scope>-{MASK}", text)
        if "://" in text:
            text = USER_INFO.sub(rf"\g<scheme>\g<user>:{MASK}@", text)
        if "objects/" in text:
            text = OBJECT_TOKEN.sub(rf"\g<path>{MASK}", text)
        return CREDENTIALS.sub(rf"\g<word>\g<gap>{MASK}", text)


def masker_for(environ: Mapping[str, str]) -> Masker:
    """Return a masker that knows the secret settings in `environ`, and the passwords in its URLs."""
    names = [*(name for name, variable in VARIABLES.items() if variable.is_secret), *FOREIGN_SECRETS]
    values = [environ.get(name, "").strip() for name in names]
    passwords = [found["password"] for name in VARIABLES for found in USER_INFO.finditer(environ.get(name, ""))]
    return Masker((*values, *passwords))


mask = Masker()
"""Masks what looks like a secret."""
