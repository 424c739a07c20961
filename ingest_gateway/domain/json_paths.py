"""A small part of JSONPath: `$.messages[*].content`, `$..password`, `$['odd name'][0]`; what stands there is changed. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

STEP = re.compile(
    r"""
    \.\.(?P<deep>[^.\[\]'"*\s]+)            # ..name: at any depth
    | \.(?P<name>[^.\[\]'"*\s]+)            # .name
    | \[(?P<quote>['"])(?P<quoted>[^'"]+)(?P=quote)\]
    | \[(?P<index>\d{1,9})\]
    | (?P<any>\.\*|\[\*\])
    """,
    re.VERBOSE,
)
MOST_STEPS = 32


class _Dropped:
    pass


DROPPED: Final = _Dropped()
"""Instead of a value: it is to be taken out of what holds it."""
Change = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: a member's name, an element's index, or any of them; `is_deep` looks at every depth."""

    name: str | None = None
    index: int | None = None
    is_deep: bool = False


def parsed_path(text: str) -> tuple[Step, ...]:
    """Read a path; raise ValueError where it is none."""
    if not text.startswith("$"):
        raise ValueError("a path begins with $")
    steps, place = [], 1
    while place < len(text):
        found = STEP.match(text, place)
        if found is None:
            raise ValueError(f"no step of a path: {text[place:][:40]!r}")
        steps.append(_step(found))
        place = found.end()
    if not steps or len(steps) > MOST_STEPS:
        raise ValueError(f"a path has 1 to {MOST_STEPS} steps")
    return tuple(steps)


def _step(found: re.Match[str]) -> Step:
    if found["deep"]:
        return Step(name=found["deep"], is_deep=True)
    if found["index"]:
        return Step(index=int(found["index"]))
    return Step(name=found["name"] or found["quoted"])


def changed_at(value: Any, steps: tuple[Step, ...], change: Change) -> Any:
    """Return `value` with `change` applied to what stands at the path; DROPPED where nothing is left of it."""
    if not steps:
        return change(value)
    step, rest = steps[0], steps[1:]
    if isinstance(value, dict):
        return _in_object(value, step, steps, rest, change)
    if isinstance(value, list):
        return _in_array(value, step, steps, rest, change)
    return value


def _in_object(held: dict[str, Any], step: Step, steps: tuple[Step, ...], rest: tuple[Step, ...], change: Change) -> Any:
    result = {}
    for name, member in held.items():
        left = changed_at(member, steps, change) if step.is_deep else member
        if step.index is None and step.name in (name, None):
            left = changed_at(left, rest, change)
        if left is not DROPPED:
            result[name] = left
    return result


def _in_array(held: list[Any], step: Step, steps: tuple[Step, ...], rest: tuple[Step, ...], change: Change) -> Any:
    result = []
    for index, element in enumerate(held):
        left = changed_at(element, steps, change) if step.is_deep else element
        if step.name is None and step.index in (index, None):
            left = changed_at(left, rest, change)
        result.append(None if left is DROPPED else left)
    return result
