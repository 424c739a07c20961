"""The nesting of observations."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from query.tree import Node, build_tree, tree_json

IDS = st.integers(0, 12).map(str)
PARENTS = st.dictionaries(IDS, st.none() | IDS, max_size=12)


def flat(tree: list[Node]) -> list[tuple[str, str | None]]:
    """Return (id, parent) of every node, without recursion."""
    found: list[tuple[str, str | None]] = []
    waiting: list[tuple[Node, str | None]] = [(node, None) for node in tree]
    while waiting:
        node, parent = waiting.pop()
        found.append((node.id, parent))
        waiting += [(child, node.id) for child in node.children]
    return found


@given(PARENTS)
def test_every_observation_is_in_the_tree_once(parents: dict[str, str | None]) -> None:
    """Whatever the parents: missing, themselves, in circles."""
    assert sorted(node_id for node_id, _ in flat(build_tree(parents))) == sorted(parents)


@given(PARENTS)
def test_a_node_hangs_under_its_parent_or_is_a_root(parents: dict[str, str | None]) -> None:
    """The tree invents no parent; a root that names a present parent is a circle's first member."""
    for node_id, parent in flat(build_tree(parents)):
        assert parent in (parents[node_id], None)
        if parent is None and parents[node_id] in parents:
            assert node_id in circle_of(node_id, parents)


def circle_of(node_id: str, parents: dict[str, str | None]) -> list[str]:
    """Return the members of the circle that following parents from `node_id` runs through, if it comes back."""
    members = [node_id]
    here = parents.get(node_id)
    while here is not None and here in parents and here not in members:
        members.append(here)
        here = parents[here]
    return members if here == node_id else []


@given(PARENTS)
def test_the_tree_is_the_same_every_time(parents: dict[str, str | None]) -> None:
    """The same observations in the same order make the same tree."""
    assert build_tree(parents) == build_tree(dict(parents))


@given(PARENTS)
def test_the_written_tree_reads_back(parents: dict[str, str | None]) -> None:
    """The JSON written without recursion is what an encoder would write."""
    tree = build_tree(parents)

    assert bytes(tree_json(tree)) == msgspec.json.encode(tree)


def test_order_is_kept_and_circles_break_at_their_first() -> None:
    """Roots and children stand in the order given."""
    parents = {"b": None, "x": "y", "a": "b", "y": "x", "c": "b", "lost": "gone", "self": "self"}

    assert msgspec.to_builtins(build_tree(parents)) == [
        {"id": "b", "children": [{"id": "a", "children": []}, {"id": "c", "children": []}]},
        {"id": "x", "children": [{"id": "y", "children": []}]},
        {"id": "lost", "children": []},
        {"id": "self", "children": []},
    ]


def test_a_chain_deeper_than_any_stack_is_written() -> None:
    """A hundred thousand observations, each in the one before."""
    parents = {str(number): str(number - 1) if number else None for number in range(100_000)}

    tree = build_tree(parents)

    assert bytes(tree_json(tree)).count(b'"id"') == len(flat(tree)) == 100_000
