"""What an environment variable is: name, type, default, bounds, meaning."""

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["str", "int", "float", "bool", "path", "list"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One environment variable; bounds are inclusive."""

    name: str
    kind: Kind
    default: Any
    doc: str
    at_least: float | None = None
    at_most: float | None = None
    choices: tuple[str, ...] = ()
    is_secret: bool = False

    @property
    def shape(self) -> str:
        """Return type and bounds in words."""
        if self.choices:
            return " \\| ".join(self.choices)
        low = f" ≥ {self.at_least:g}" if self.at_least is not None else ""
        high = f" ≤ {self.at_most:g}" if self.at_most is not None else ""
        return f"{self.kind}{low}{high}"


def variable(name: str, kind: Kind, default: Any, doc: str, **bounds: Any) -> Variable:
    """Declare a variable."""
    return Variable(name=name, kind=kind, default=default, doc=doc, **bounds)
