"""Keys: `sl-<scope>-<random>`, stored only as SHA-256 (they are 192 random bits, so no slower hash is needed)."""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Scope = Literal["ingest", "read", "admin"]
SCOPES: tuple[Scope, ...] = ("ingest", "read", "admin")
RANDOM_BYTES = 24
KEY_ID_LENGTH = 12

VENDOR_HEADERS = ("x-api-key", "x-sluice-key", "helicone-auth")


@dataclass(frozen=True, slots=True)
class Project:
    """A tenant. `public_key` is the user name of Basic auth; it is not a secret."""

    project_id: str
    name: str
    public_key: str


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of a project, without its secret."""

    key_id: str
    project_id: str
    scope: Scope
    secret_sha256: str

    def may(self, scope: Scope) -> bool:
        """Tell whether this key may do what needs `scope`; an admin key may do everything."""
        return self.scope in (scope, "admin")


@dataclass(frozen=True, slots=True)
class Presented:
    """What a request showed: the secret and, with Basic auth, the public key."""

    secret: str
    public_key: str | None = None


def new_secret(scope: Scope) -> str:
    """Return a new random key of `scope`."""
    return f"sl-{scope}-{secrets.token_urlsafe(RANDOM_BYTES)}"


def new_public_key() -> str:
    """Return a new public key."""
    return f"pk-sl-{secrets.token_hex(8)}"


def sha256_of(secret: str) -> str:
    """Return the hash a key is stored and found by, hex."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def api_key(secret: str, project_id: str, scope: Scope) -> ApiKey:
    """Return the storable form of `secret`."""
    digest = sha256_of(secret)
    return ApiKey(digest[:KEY_ID_LENGTH], project_id, scope, digest)


def presented(headers: Mapping[str, str]) -> Presented | None:
    """Find the key in lower-case `headers`: Basic, Bearer, a bare Authorization, or a vendor's own header."""
    authorization = headers.get("authorization", "").strip()
    word, _, rest = authorization.partition(" ")
    if word.lower() == "basic":
        return _basic(rest.strip())
    if word.lower() == "bearer" and rest.strip():
        return Presented(rest.strip())
    for name in VENDOR_HEADERS:
        if value := headers.get(name, "").strip():
            return Presented(value.removeprefix("Bearer ").strip())
    return Presented(authorization) if authorization else None


def _basic(encoded: str) -> Presented | None:
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return Presented(password, user) if colon and password else None
