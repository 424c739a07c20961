"""Text search: what is looked for, and how far back. Pure.

Texts are stored as JSON the way a client wrote it, so what a person types is looked for as it is and as JSON writes it.
"""

import dataclasses
import json

import msgspec

from query.errors import BadRequestError
from query.parameters import Query

US_PER_DAY = 86_400_000_000
USUAL_DAYS = 7
MOST_DAYS = 31


def spellings(text: str) -> list[str]:
    """Return how `text` may stand in a stored value: as it is, escaped as in JSON, escaped down to ASCII as written, lower and upper."""
    found = [text, msgspec.json.encode(text).decode()[1:-1]]
    if not text.isascii():
        found += [json.dumps(form)[1:-1] for form in (text, text.lower(), text.upper())]
    return list(dict.fromkeys(found))


def bounded(query: Query, now_us: int) -> Query:
    """Return the query with the days that its search goes through, the newest unless told; raise BadRequestError over too many."""
    if query.search is None:
        return query
    end_us = now_us if query.to_us is None else query.to_us
    if query.from_us is None:
        return dataclasses.replace(query, from_us=end_us - USUAL_DAYS * US_PER_DAY)
    if end_us - query.from_us > MOST_DAYS * US_PER_DAY:
        raise BadRequestError("wrong_value", f"a search goes through at most {MOST_DAYS} days; set from and to", "from")
    return query
