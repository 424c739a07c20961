"""The nesting of a trace's observations. Pure."""

from collections.abc import Iterable, Mapping

import msgspec


class Node(msgspec.Struct):
    """An observation and what it contains, in the order of their start."""

    id: str
    children: list["Node"]


def build_tree(parents: Mapping[str, str | None]) -> list[Node]:
    """Nest ids under their parents; `parents` is ordered, and roots and children keep that order.

    Every id occurs exactly once. An id whose parent is not there is a root. Of a cycle, the member that comes first
    is a root, so the same observations always make the same tree.
    """
    nodes = {observation_id: Node(observation_id, []) for observation_id in parents}
    roots = set(_cycle_heads(parents))
    tree: list[Node] = []
    for observation_id, parent in parents.items():
        is_root = parent is None or parent not in nodes or observation_id in roots
        siblings = tree if is_root or parent is None else nodes[parent].children
        siblings.append(nodes[observation_id])
    return tree


def _cycle_heads(parents: Mapping[str, str | None]) -> Iterable[str]:
    """Yield, for each cycle, its first member in the order of `parents`."""
    rank = {observation_id: index for index, observation_id in enumerate(parents)}
    settled: set[str] = set()
    for start in parents:
        path: dict[str, None] = {}
        here: str | None = start
        while here is not None and here in rank and here not in settled and here not in path:
            path[here] = None
            here = parents[here]
        if here is not None and here in path:
            members = list(path)
            yield min(members[members.index(here) :], key=rank.__getitem__)
        settled.update(path)


def tree_json(tree: list[Node]) -> msgspec.Raw:
    """Write `tree` as JSON without recursion: agents nest deeper than an encoder's stack reaches."""
    parts: list[str] = []
    levels = [iter(tree)]
    separator = ["["]
    while levels:
        node = next(levels[-1], None)
        if node is None:
            levels.pop()
            parts.append(("]" if separator.pop() == "," else "[]") + ("}" if levels else ""))
            continue
        parts.append(f'{separator[-1]}{{"id":{_quoted(node.id)},"children":')
        separator[-1] = ","
        levels.append(iter(node.children))
        separator.append("[")
    return msgspec.Raw("".join(parts).encode())


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
