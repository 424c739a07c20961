"""The migrations as a cluster's servers carry them out. What is expected stands in tests/golden/cluster."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.clickhouse.cluster import clustered
from sinks.clickhouse.migrations import BOOK, migrations_in

GOLDEN = Path(__file__).parents[3] / "golden" / "cluster" / "migrations.sql"
STATEMENTS = [BOOK.strip(), *(statement for migration in migrations_in() for statement in migration.statements)]

names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
engines = st.sampled_from(
    ["MergeTree", "MergeTree()", "ReplacingMergeTree(version)", "ReplacingMergeTree(v, is_deleted)", "AggregatingMergeTree"]
)
texts = st.sampled_from(["", " COMMENT 'ENGINE = MergeTree'", " COMMENT 'it\\'s non_replicated_deduplication_window = 5'"])


@st.composite
def ddl(draw: st.DrawFn) -> str:
    """Draw a statement such as migrations are made of."""
    name = draw(names)
    create = f"CREATE TABLE IF NOT EXISTS {name} (a String{draw(texts)}) ENGINE = {draw(engines)} ORDER BY a"
    window = draw(st.sampled_from(["", " SETTINGS non_replicated_deduplication_window = 0"]))
    others = [
        f"ALTER TABLE {name} ADD COLUMN b String",
        f"CREATE OR REPLACE VIEW {name} AS SELECT 1",
        f"CREATE DATABASE IF NOT EXISTS {name}",
    ]
    return draw(st.sampled_from([create + window, *others, f"INSERT INTO {name} SELECT 1"]))


def test_the_shipped_migrations_become_those_of_a_cluster() -> None:
    """Word for word what the golden file says; `clustered` wrote it, a person read it."""
    assert ";\n\n".join(clustered(statement, "sluice") for statement in STATEMENTS) + ";\n" == GOLDEN.read_text()


def test_every_shipped_statement_reaches_every_server() -> None:
    """No table is left unreplicated, no statement is for one server alone."""
    for statement in STATEMENTS:
        rewritten = clustered(statement, "sluice")
        assert "ON CLUSTER 'sluice'" in rewritten
        assert "non_replicated" not in rewritten
        assert ("MergeTree" in rewritten) == ("ENGINE = Replicated" in rewritten)


def test_without_a_cluster_nothing_changes() -> None:
    """The same files serve a single server."""
    assert [clustered(statement, None) for statement in STATEMENTS] == STATEMENTS


@given(ddl())
def test_rewriting_twice_is_rewriting_once(statement: str) -> None:
    """What is a cluster's stays as it is."""
    once = clustered(statement, "{cluster}")

    assert clustered(once, "{cluster}") == once


@given(ddl())
def test_texts_are_left_alone(statement: str) -> None:
    """An engine that is only spoken of is none."""
    rewritten = clustered(statement, "c")

    assert rewritten.count("COMMENT 'ENGINE = MergeTree'") == statement.count("COMMENT 'ENGINE = MergeTree'")
    assert rewritten.count("it\\'s non_replicated_deduplication_window = 5'") == statement.count("it\\'s non_replicated")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "CREATE TABLE users AS sessions ENGINE = ReplacingMergeTree(fence) ORDER BY id",
            (
                "CREATE TABLE users ON CLUSTER 'c' AS sessions ENGINE = "
                "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', fence) ORDER BY id"
            ),
        ),
        ("ALTER TABLE t ADD COLUMN a String", "ALTER TABLE t ON CLUSTER 'c' ADD COLUMN a String"),
        ("CREATE OR REPLACE VIEW v AS SELECT 1", "CREATE OR REPLACE VIEW v ON CLUSTER 'c' AS SELECT 1"),
        ("CREATE DATABASE IF NOT EXISTS d", "CREATE DATABASE IF NOT EXISTS d ON CLUSTER 'c'"),
        ("DROP TABLE IF EXISTS `t`", "DROP TABLE IF EXISTS `t` ON CLUSTER 'c'"),
        ("INSERT INTO t SELECT 1", "INSERT INTO t SELECT 1"),
        (
            "CREATE TABLE t (a String) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 0",
            (
                "CREATE TABLE t ON CLUSTER 'c' (a String) ENGINE = "
                "ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}') ORDER BY a "
                "SETTINGS replicated_deduplication_window = 0, replicated_deduplication_window_seconds = 604800"
            ),
        ),
    ],
)
def test_each_kind_of_statement(statement: str, expected: str) -> None:
    """One line each."""
    assert clustered(statement, "c") == expected


def test_an_unknown_kind_of_statement_is_refused() -> None:
    """It would be carried out on one server, and the others would differ."""
    with pytest.raises(ValueError, match="OPTIMIZE TABLE t"):
        clustered("OPTIMIZE TABLE t", "c")
