"""What a run is told, from the environment; everything that is not LOAD_… goes on to the stack."""

import dataclasses
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from contract.errors import SettingsError
from contract.settings import described, load
from contract.variable import Variable, variable
from loadtest.load.rates import SHAPES, Shape, chosen
from loadtest.users.brief import SIZES

PREFIX = "LOAD_"
RESULTS = Path(__file__).parents[1] / "results"


def _own(name: str, kind: Any, default: Any, doc: str, **bounds: Any) -> Any:
    made: Variable = variable(PREFIX + name, kind, default, doc, **bounds)
    return dataclasses.field(default=default, metadata={"variable": made})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LoadSettings:
    """How the load is made and where the results go."""

    shape: str = _own("SHAPE", "str", "thousand", "Which shape.", choices=tuple(SHAPES))
    rate: float | None = _own("RATE", "float", None, "Requests a second, or events (batches); unset: the shape's.", at_least=0.1)
    seconds: float | None = _own("SECONDS", "float", None, "How long; unset: the shape's.", at_least=1)
    events: str | None = _own("EVENTS", "str", None, "Events in a request: 1, or least-most such as 10-50; unset: the shape's.")
    warm_seconds: float = _own("WARM_SECONDS", "float", 5.0, "Warm-up before, left out of the figures, not of the ledger.", at_least=0)
    generator: str = _own("GENERATOR", "str", "lean", "Who sends.", choices=("lean", "locust"))
    processes: int = _own("PROCESSES", "int", 1, "Processes of Locust.", at_least=1, at_most=64)
    ui_port: int = _own("UI_PORT", "int", 8089, "Where the web page is, on loopback.", at_least=1, at_most=65535)
    connections: int = _own("CONNECTIONS", "int", 64, "Connections of the generator.", at_least=1)
    samples: float = _own("SAMPLES_PER_SECOND", "float", 1.0, "Traces a second that are followed until queryable.", at_least=0)
    poll_ms: float = _own("POLL_MS", "float", 15.0, "Pause between two reads of a followed trace.", at_least=1)
    checked: int = _own("CHECKED_BY_ID", "int", 300, "Traces read back by id, with their sessions and users, at the end.", at_least=0)
    patience_seconds: float = _own("PATIENCE_SECONDS", "float", 180.0, "How long the stack may take to catch up.", at_least=1)
    seed: int = _own("SEED", "int", 8, "Draws the traces.")
    label: str = _own("LABEL", "str", "", "Added to the names of the results.")
    attach: Path | None = _own("ATTACH", "path", None, "Data directory of a running stack; unset: one is started and stopped.")
    folder: Path | None = _own("FOLDER", "path", None, "Data directory of the stack that is started, kept; unset: a temporary one.")
    results: Path = _own("RESULTS", "path", RESULTS, "Where the results are written.")

    @property
    def name(self) -> str:
        """Return what the results are called."""
        return self.shape if self.generator == "lean" else f"{self.shape}-{self.generator}"

    def chosen_shape(self) -> Shape:
        """Return the shape with what was asked for otherwise."""
        shape = chosen(self.shape, self.rate, self.seconds, None if self.events is None else sizes_of(self.events))
        return replace(shape, events=SIZES) if self.generator == "locust" and shape.events == (1, 1) else shape


def read(environ: Mapping[str, str]) -> LoadSettings:
    """Read the settings; raise SettingsError with every mistake."""
    known = {one.metadata["variable"].name for one in dataclasses.fields(LoadSettings)}
    mistakes = [f"{name}: unknown variable" for name in environ if name.startswith(PREFIX) and name not in known]
    try:
        settings = load(LoadSettings, environ)
        settings.chosen_shape()
    except SettingsError as error:
        raise SettingsError([*error.mistakes, *mistakes]) from None
    except ValueError as error:
        raise SettingsError([f"LOAD_EVENTS: {error}", *mistakes]) from None
    if mistakes:
        raise SettingsError(mistakes)
    return settings


def sizes_of(text: str) -> tuple[int, int]:
    """Read how many events a request holds: `1` or `10-50`; raise ValueError for anything else."""
    least, _, most = text.partition("-")
    if not (least.isdecimal() and (most or least).isdecimal() and 1 <= int(least) <= int(most or least)):
        raise ValueError(f"expected a number or least-most, not {text!r}")
    return int(least), int(most or least)


def for_stack(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the stack."""
    return {name: value for name, value in environ.items() if not name.startswith(PREFIX)}


def told(settings: LoadSettings, environ: Mapping[str, str], known: Mapping[str, Variable]) -> list[tuple[str, str]]:
    """Return settings worth telling: the load's own that are not empty, and what the stack was given beside its defaults; no secrets."""
    own = [(name, value) for name, value in described(settings).items() if value and name != "LOAD_RESULTS"]
    given = [(name, environ[name]) for name in sorted(known.keys() & environ.keys()) if environ[name] and not known[name].is_secret]
    return [*own, *(given or [("stack's settings", "all defaults")])]
