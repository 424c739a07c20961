"""Names of environments, as Langfuse (server 4.16) normalises them, so that one environment has one name whatever client states it."""

from contract.events import DEFAULT_ENVIRONMENT

LONGEST = 40
LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


def environment_named(stated: str) -> str:
    """Return `stated` in lower case, without a leading "langfuse", at most 40 of [a-z0-9-_]; anything else is "default"."""
    name = stated.lower().removeprefix("langfuse")[:LONGEST]
    return name if name and LETTERS.issuperset(name) else DEFAULT_ENVIRONMENT
