"""Curves over time, one below the other, as an SVG. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

WIDTH, HEIGHT, LEFT, GAP, LEGEND = 900, 110, 60, 34, 220
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#ff7f0e")
FEWEST_MARKS = 6
STEPS = (1, 5, 10, 30, 60, 300)

Lines = Mapping[str, Sequence[float | None]]
"""Values by what they are; None where there is none."""


class Panel(NamedTuple):
    """One plot: its lines share a scale."""

    name: str
    lines: Lines


class Band(NamedTuple):
    """A stretch of time that has a name."""

    first: float
    last: float
    name: str


def svg(panels: Sequence[Panel], bands: Sequence[Band] = ()) -> str:
    """Return the panels, whose values are one a second."""
    seconds = max((len(values) for panel in panels for values in panel.lines.values()), default=1)
    scale = WIDTH / max(1, seconds - 1)
    height = len(panels) * (HEIGHT + GAP)
    shown = "".join(_band(band, scale, height) for band in bands) + "".join(_mark(at, scale, height) for at in _marks(seconds))
    body = "".join(_panel(panel, index * (HEIGHT + GAP) + GAP // 2, scale) for index, panel in enumerate(panels))
    box = f'viewBox="0 0 {WIDTH + LEFT + 20} {height + 10}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box} font-family="sans-serif" font-size="12">'
    return f'{head}\n<rect width="100%" height="100%" fill="white"/>\n{shown}{body}</svg>\n'


def _panel(panel: Panel, top: int, scale: float) -> str:
    known = [value for values in panel.lines.values() for value in values if value is not None]
    most = max(known, default=0.0) or 1.0
    parts = [f'<line x1="{LEFT}" y1="{top + HEIGHT}" x2="{LEFT + WIDTH}" y2="{top + HEIGHT}" stroke="#999"/>']
    parts.append(f'<text x="4" y="{top + 12}">{_number(most)}</text><text x="{LEFT + 6}" y="{top + 12}">{panel.name}</text>')
    for index, (name, values) in enumerate(panel.lines.items()):
        colour = COLOURS[index % len(COLOURS)]
        parts += [
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>' for points in _runs(values, top, most, scale)
        ]
        if len(panel.lines) > 1:
            parts.append(f'<text x="{LEFT + LEGEND + index * 90}" y="{top + 12}" fill="{colour}">{name}</text>')
    return "\n".join(parts) + "\n"


def _runs(values: Sequence[float | None], top: int, most: float, scale: float) -> list[str]:
    """Return the points of every stretch that has values."""
    runs: list[list[str]] = [[]]
    for second, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(f"{LEFT + second * scale:.1f},{top + HEIGHT - value / most * HEIGHT:.1f}")
    return [" ".join(points) for points in runs if points]


def _marks(seconds: int) -> range:
    step = next((step for step in reversed(STEPS) if seconds / step >= FEWEST_MARKS), STEPS[0])
    return range(0, seconds, step)


def _mark(at: int, scale: float, height: int) -> str:
    x = LEFT + at * scale
    line = f'<line x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{height - GAP // 2}" stroke="#eee"/>'
    return f'{line}<text x="{x:.1f}" y="{height}" fill="#666">{at} s</text>\n'


def _band(band: Band, scale: float, height: int) -> str:
    x, width = LEFT + band.first * scale, (band.last - band.first) * scale
    box = f'<rect x="{x:.1f}" y="0" width="{width:.1f}" height="{height - GAP // 2}" fill="#fff3e0"/>'
    return f'{box}<text x="{x + 4:.1f}" y="12" fill="#b36b00">{band.name}</text>\n'


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= FEWEST_MARKS else f"{value:.2g}"
