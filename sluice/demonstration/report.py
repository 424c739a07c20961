"""What came back, for a person to read."""

from decimal import Decimal
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.tree import Tree

ROWS = 8
NUMBERS = frozenset({"ms", "observed", "errors", "traces", "tokens", "cost $"})


def show_traces(console: Console, traces: list[dict[str, Any]]) -> None:
    """Print the newest traces."""
    table = _table("The newest traces", "trace", "name", "user", "ms", "observed", "errors", "tokens", "cost $")
    for trace in traces[:ROWS]:
        table.add_row(
            *(trace["id"][:8], trace["name"], trace["user_id"], _ms(trace["latency_ms"])),
            *(str(trace["observation_count"]), str(trace["error_count"]), str(sum(trace["usage"].values())), _money(trace["total_cost"])),
        )
    console.print(table)


def show_tree(console: Console, trace: dict[str, Any]) -> None:
    """Print one trace as the tree its observations make."""
    by_parent: dict[str | None, list[dict[str, Any]]] = {}
    known = {observation["id"] for observation in trace["observations"]}
    for observation in trace["observations"]:
        parent = observation["parent_id"] if observation["parent_id"] in known else None
        by_parent.setdefault(parent, []).append(observation)
    root = Tree(f"[bold]{trace['name']}[/bold] {trace['id']}  {_ms(trace['latency_ms'])} ms  ${_money(trace['total_cost'])}")
    _grow(root, None, by_parent)
    console.print(root)


def _grow(node: Tree, parent_id: str | None, by_parent: dict[str | None, list[dict[str, Any]]]) -> None:
    for observation in by_parent.get(parent_id, ()):
        _grow(node.add(_line(observation)), observation["id"], by_parent)


def _line(observation: dict[str, Any]) -> str:
    parts = [f"[cyan]{observation['kind']}[/cyan] {observation['name']}", f"{_ms(observation['latency_ms'])} ms"]
    if observation["model"]:
        usage = " ".join(f"{unit}={count}" for unit, count in observation["usage"].items())
        first = observation["time_to_first_token_ms"]
        parts += [observation["model"], usage, f"first token {_ms(first)} ms" if first else ""]
        parts += [f"${_money(observation['total_cost'])} ({observation['cost_source']})" if observation["total_cost"] else ""]
    if observation["level"] == "ERROR":
        parts.append(f"[red]{observation['status_message']}[/red]")
    return "  ".join(part for part in parts if part)


def show_totals(console: Console, title: str, totals: list[dict[str, Any]]) -> None:
    """Print sessions or users with what they used."""
    table = _table(title, "id", "traces", "observed", "errors", "tokens", "cost $")
    for one in totals[:ROWS]:
        counts = (one["trace_count"], one["observation_count"], one["error_count"], sum(one["usage"].values()))
        table.add_row(one["id"], *map(str, counts), _money(one["total_cost"]))
    console.print(table)


def show_models(console: Console, days: list[dict[str, Any]]) -> None:
    """Print the last day's cost by model."""
    if not days:
        return
    table = _table(f"Cost by model, {days[-1]['date']}", "model", "provider", "observed", "tokens", "cost $")
    for model in sorted(days[-1]["by_model"], key=lambda model: Decimal(model["total_cost"]), reverse=True):
        tokens = sum(model["usage"].values())
        table.add_row(model["model"], model["provider"], str(model["observation_count"]), str(tokens), _money(model["total_cost"]))
    console.print(table)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in columns:
        is_number = column in NUMBERS
        table.add_column(column, justify="right" if is_number else "left", no_wrap=True)
    return table


def _money(text: str | None) -> str:
    return "unknown" if text is None else f"{Decimal(text):.6f}"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"
