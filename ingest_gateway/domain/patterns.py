"""Patterns that redaction looks for, matched in linear time whatever they are: RE2 has neither look-around nor back-references."""

from collections.abc import Callable
from typing import Any, Final

import re2

MOST_PATTERN_LENGTH = 1_000
MOST_PATTERN_BYTES = 1024 * 1024
SHORTEST_CARD, LONGEST_CARD = 13, 19
FIRST_DIGITS_OF_CARDS = frozenset("23456")
LUHN_BASE = 10
LARGEST_DIGIT = 9

EMAIL = r"[\pL\pN._%+-]+@[\pL\pN-]+(?:\.[\pL\pN-]+)+"
CARD = r"\b(?:\d[ -]?){12,18}\d\b"
PHONE = r"\+\d{1,3}[ .-]?(?:\(?\d{1,4}\)?[ .-]?){2,5}\d{2,4}\b|\(?\b\d{3}\)?[ .-]\d{3}[ .-]\d{4}\b"
API_KEY = (
    r"\b(?:sk|pk|rk|sl|gh[opsu]|github_pat|glpat|xox[abeoprs]|hf|whsec)[-_][A-Za-z0-9_-]{16,}"
    r"|\bAKIA[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{35}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]*-----END [A-Z ]{0,30}PRIVATE KEY-----"
)

Replace = Callable[[str], str]
Find = Callable[[str, Replace], str]
"""Returns a text with everything that was found replaced."""


def compiled(pattern: str) -> Find:
    """Return what finds `pattern`; raise ValueError where it cannot be used."""
    if len(pattern) > MOST_PATTERN_LENGTH:
        raise ValueError(f"a pattern has at most {MOST_PATTERN_LENGTH} characters")
    expression = _expression(pattern)
    if expression.search("") is not None:
        raise ValueError("the pattern matches nothing at all, so it would be found everywhere")

    def find(text: str, replace: Replace) -> str:
        return _subbed(expression, text, lambda found: replace(found) if found else "")

    return find


def _expression(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = MOST_PATTERN_BYTES
    options.log_errors = False
    try:
        return re2.compile(pattern, options)  # type: ignore[no-untyped-call]
    except re2.error as error:
        said = error.args[0].decode(errors="replace") if error.args and isinstance(error.args[0], bytes) else str(error)
        raise ValueError(f"{said}: patterns are RE2's, which has no look-around and no back-references") from None


_digits = _expression(CARD)


def find_cards(text: str, replace: Replace) -> str:
    """Find card numbers: 13 to 19 digits, alone or in groups, with a check digit that is right."""
    return _subbed(_digits, text, lambda found: _without_card(found, replace))


def _subbed(expression: Any, text: str, replace: Replace) -> str:
    """Return `text` with every match replaced; half characters, which are no UTF-8, become question marks."""
    try:
        return str(expression.sub(lambda found: replace(found.group()), text))
    except UnicodeEncodeError:
        return str(expression.sub(lambda found: replace(found.group()), text.encode(errors="replace").decode()))


def _without_card(text: str, replace: Replace) -> str:
    places = [place for place, letter in enumerate(text) if letter.isdigit()]
    for size in range(min(LONGEST_CARD, len(places)), SHORTEST_CARD - 1, -1):
        for first in range(len(places) - size + 1):
            start, end = places[first], places[first + size - 1] + 1
            if _stands_alone(text, start, end) and is_card("".join(text[place] for place in places[first : first + size])):
                return text[:start] + replace(text[start:end]) + text[end:]
    return text


def _stands_alone(text: str, start: int, end: int) -> bool:
    return (start == 0 or not text[start - 1].isdigit()) and (end == len(text) or not text[end].isdigit())


def is_card(digits: str) -> bool:
    """Tell whether the check digit is right (Luhn) and the first one is that of a card."""
    if digits[0] not in FIRST_DIGITS_OF_CARDS:
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - LARGEST_DIGIT if doubled > LARGEST_DIGIT else doubled
    return total % LUHN_BASE == 0


NAMED: Final[dict[str, Find]] = {
    "email": compiled(EMAIL),
    "credit_card": find_cards,
    "phone": compiled(PHONE),
    "api_key": compiled(API_KEY),
}
