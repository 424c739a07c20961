"""The picture of a run: small SVG of rates, latencies, processor time, memory and lag over time. Pure."""

from collections.abc import Mapping, Sequence

from loadtest.load.figures import Point, over_time, rates
from loadtest.load.outcome import Outcome

WIDTH, HEIGHT, LEFT, TOP, GAP = 900, 110, 64, 20, 30
POINTS = 120
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#7f7f7f")

Curves = Mapping[str, Sequence[Point]]


def plot(outcome: Outcome) -> str:
    """Return the picture."""
    panels = panels_of(outcome)
    end = max((point.at for curves in panels.values() for curve in curves.values() for point in curve), default=1.0)
    height = TOP + len(panels) * (HEIGHT + GAP)
    body = "".join(_panel(name, curves, TOP + index * (HEIGHT + GAP), end) for index, (name, curves) in enumerate(panels.items()))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + LEFT + 20} {height}" font-family="sans-serif" font-size="12">'
    ticks = "".join(
        f'<text x="{LEFT + part * WIDTH / 6:.0f}" y="{height - 4}" fill="#666">{part * end / 6:.0f} s</text>\n' for part in range(7)
    )
    return f'{head}\n<rect width="100%" height="100%" fill="white"/>\n{body}{ticks}</svg>\n'


def panels_of(outcome: Outcome) -> dict[str, Curves]:
    """Return what is drawn: curves by name, by panel."""
    width = max(1.0, outcome.seconds / POINTS)
    acks = [Point(one.acknowledged, 1000 * (one.acknowledged - one.sent)) for one in outcome.requests]
    waits = [Point(wait.acknowledged, 1000 * wait.seconds) for wait in outcome.waits if wait.seconds is not None]
    wider = max(width, outcome.seconds / 40)
    processes = outcome.usages.items()
    groups = outcome.lags[0].records if outcome.lags else ()
    return {
        "events/s acknowledged": {"": rates([Point(one.acknowledged, one.events) for one in outcome.requests], width)[:-1]},
        "ack, ms": {"p50": over_time(acks, width, 0.5), "p99": over_time(acks, width, 0.99)},
        "accepted → queryable, ms": {"p50": over_time(waits, wider, 0.5), "most": over_time(waits, wider, 1.0)},
        "cores": {name: over_time([Point(one.at, one.cores) for one in usages], width) for name, usages in processes},
        "memory (PSS), MB": {name: over_time([Point(one.at, one.pss_mb) for one in usages], width) for name, usages in processes},
        "lag, records": {
            group: over_time([Point(lag.at, float(lag.records.get(group, 0))) for lag in outcome.lags], width) for group in groups
        },
    }


def _panel(name: str, curves: Curves, top: float, end: float) -> str:
    most = max((point.value for curve in curves.values() for point in curve), default=0.0) or 1.0
    axis = f'<line x1="{LEFT}" y1="{top + HEIGHT}" x2="{LEFT + WIDTH}" y2="{top + HEIGHT}" stroke="#999"/>\n'
    title = f'<text x="{LEFT + 6}" y="{top - 4}">{name}</text><text x="4" y="{top + 10}">{most:,.4g}</text>\n'
    drawn, x = "", LEFT + 240
    for index, (label, curve) in enumerate(curves.items()):
        colour = COLOURS[index % len(COLOURS)]
        drawn += _line(curve, colour, top, most, end)
        if label:
            drawn += f'<text x="{x}" y="{top - 4}" fill="{colour}">{label}</text>\n'
            x += 10 + 8 * len(label)
    return axis + title + drawn


def _line(curve: Sequence[Point], colour: str, top: float, most: float, end: float) -> str:
    points = " ".join(f"{LEFT + max(0.0, point.at) / end * WIDTH:.0f},{top + HEIGHT - point.value / most * HEIGHT:.1f}" for point in curve)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.2"/>\n' if points else ""
