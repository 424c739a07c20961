"""What a project says of the evaluators that judge it, on the control topic."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectEvaluators:
    """`names` are those that run, None for all; `sample` goes before every entry's own, None leaves theirs; `rules` are more, as JSON."""

    project_id: str
    names: tuple[str, ...] | None = None
    sample: float | None = None
    rules: str = ""

    @property
    def is_default(self) -> bool:
        """Tell whether nothing is said: all of the file's run as they stand there."""
        return self.names is None and self.sample is None and not self.rules
