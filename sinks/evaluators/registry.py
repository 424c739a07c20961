"""Which evaluators there are: those that come with Sluice, and those of installed packages (entry point group `sluice.evaluators`)."""

from importlib.metadata import entry_points

from sinks.evaluators.scoring import BUILT_IN, MakeEvaluator

GROUP = "sluice.evaluators"


def known_evaluators() -> dict[str, MakeEvaluator]:
    """Return every evaluator by name; one that a package brings goes before ours of the same name."""
    return {**BUILT_IN, **{point.name: point.load() for point in entry_points(group=GROUP)}}
