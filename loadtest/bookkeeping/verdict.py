"""What the comparisons found, and how it is told."""

from dataclasses import dataclass, field, fields

SHOWN = 20


@dataclass(slots=True)
class Verdict:
    """All lists empty is the only good verdict."""

    events: int
    lost: list[str] = field(default_factory=list)
    """Acknowledged and not stored."""
    doubled: list[str] = field(default_factory=list)
    """Stored more than once."""
    changed: list[str] = field(default_factory=list)
    """Stored with other content than was said last."""
    unexpected: list[str] = field(default_factory=list)
    """Stored under this run's name and never sent."""
    wrong_totals: list[str] = field(default_factory=list)
    """Totals of traces, sessions, users and days that do not equal recomputation."""
    refused: list[str] = field(default_factory=list)
    """Good requests that the gateway refused for good."""
    late: list[str] = field(default_factory=list)
    """Queryable later than was allowed."""
    buried: list[str] = field(default_factory=list)
    """Dead letters of what was not planned as poison."""
    unburied: list[str] = field(default_factory=list)
    """Poison without a dead letter."""
    archive: list[str] = field(default_factory=list)
    """Gaps and overlaps of the archive, and acknowledged events that are not in it."""
    looked_at: dict[str, int] = field(default_factory=dict)
    """What was compared, so that a verdict about nothing does not look good."""

    @property
    def is_good(self) -> bool:
        """Tell whether everything acknowledged is there once, unchanged, on time, and every total is right."""
        return not any(self.findings().values())

    def findings(self) -> dict[str, list[str]]:
        """Return the lists by name."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.type == list[str]}

    def report(self) -> str:
        """Return the verdict in words."""
        findings = self.findings()
        counts = ", ".join(f"{len(found)} {name.replace('_', ' ')}" for name, found in findings.items())
        lines = [f"{self.events} events acknowledged: {counts}"]
        if self.looked_at:
            lines.append("compared: " + ", ".join(f"{count} {what}" for what, count in self.looked_at.items()))
        for name, found in findings.items():
            lines += [f"  {name.replace('_', ' ')}: {what}" for what in found[:SHOWN]]
            if len(found) > SHOWN:
                lines.append(f"  {name.replace('_', ' ')}: … and {len(found) - SHOWN} more")
        return "\n".join(lines)
