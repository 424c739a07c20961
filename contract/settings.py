"""Settings from the environment: a frozen dataclass per service, every mistake reported at once.

A service declares which variables it reads (`batch_size: int = env("BATCH_SIZE")`); name, type, default and bounds stand
once, in `contract.variables`, so that a misspelt variable is noticed whichever service meets it.
"""

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from contract.errors import SettingsError
from contract.secrets import MASK, mask
from contract.variable import Variable
from contract.variables import VARIABLES

Settings = TypeVar("Settings")

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})
MISSPELT_SIMILARITY = 0.9


def env(name: str) -> Any:
    """Declare a dataclass field that is read from the variable `name`."""
    variable = VARIABLES[name]
    return dataclasses.field(default=variable.default, metadata={"variable": variable})


def load(settings_class: type[Settings], environ: Mapping[str, str]) -> Settings:
    """Read `settings_class` from `environ`; raise SettingsError naming every wrong variable."""
    mistakes = misspelt(environ)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(settings_class):  # type: ignore[arg-type]
        variable: Variable = field.metadata["variable"]
        text = environ.get(variable.name, "").strip()
        if not text:
            continue
        try:
            values[field.name] = checked(variable, parsed(variable, text))
        except ValueError as error:
            shown = MASK if variable.is_secret else repr(mask(text))
            mistakes.append(f"{variable.name}={shown}: {error}")
    if mistakes:
        raise SettingsError(mistakes)
    return settings_class(**values)


def check_all(environ: Mapping[str, str], *settings_classes: type[Any]) -> None:
    """Raise SettingsError naming the mistakes of every class at once; after it, `load` of each cannot fail."""
    mistakes: dict[str, None] = {}
    for settings_class in settings_classes:
        try:
            load(settings_class, environ)
        except SettingsError as error:
            mistakes |= dict.fromkeys(error.mistakes)
    if mistakes:
        raise SettingsError(list(mistakes))


def parsed(variable: Variable, text: str) -> Any:
    """Turn `text` into the variable's type; raise ValueError saying what was expected."""
    match variable.kind:
        case "int":
            return _number(int, text, "a whole number")
        case "float":
            return _number(float, text, "a number")
        case "bool":
            return _truth(text)
        case "path":
            return Path(text).expanduser()
        case "list":
            return tuple(part.strip() for part in text.split(",") if part.strip())
        case _:
            return text


def _number(read: type[int] | type[float], text: str, expected: str) -> int | float:
    try:
        return read(text)
    except ValueError:
        raise ValueError(f"expected {expected}") from None


def _truth(text: str) -> bool:
    word = text.lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueError("expected true or false")


def checked(variable: Variable, value: Any) -> Any:
    """Return `value` if it is within the variable's bounds; raise ValueError otherwise."""
    if variable.at_least is not None and not value >= variable.at_least:
        raise ValueError(f"must be at least {variable.at_least}")
    if variable.at_most is not None and not value <= variable.at_most:
        raise ValueError(f"must be at most {variable.at_most}")
    if variable.choices and value not in variable.choices:
        raise ValueError(f"must be one of {', '.join(variable.choices)}")
    return value


def misspelt(environ: Mapping[str, str]) -> list[str]:
    """Name every variable that is nearly one of ours: it was meant for Sluice and would be ignored."""
    return [mistake for name in environ if (mistake := _misspelling(name)) is not None]


def _misspelling(name: str) -> str | None:
    if name in VARIABLES:
        return None
    near = difflib.get_close_matches(name, VARIABLES, n=1, cutoff=MISSPELT_SIMILARITY)
    if near:
        return f"{name}: unknown variable, did you mean {near[0]}?"
    if name.startswith("SLUICE_"):
        return f"{name}: unknown variable"
    return None


def described(settings: Any) -> dict[str, str]:
    """Return variable name → value as text, secrets masked, for the log at start."""
    shown = {}
    for field in dataclasses.fields(settings):
        variable: Variable = field.metadata["variable"]
        value = getattr(settings, field.name)
        shown[variable.name] = MASK if variable.is_secret and value else mask(as_text(value))
    return shown


def as_text(value: Any) -> str:
    """Write a setting's value the way the environment would hold it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value)


def table(variables: Iterable[Variable]) -> list[tuple[str, str, str, str]]:
    """Return (name, type and bounds, default, what it does) for each variable."""
    return [(v.name, v.shape, MASK if v.is_secret and v.default else as_text(v.default), v.doc) for v in variables]
