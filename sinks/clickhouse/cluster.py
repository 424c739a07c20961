"""Migrations for a cluster: the same statements, carried out on every server and on replicated tables. Pure.

What a statement says of one server is turned into what it says of a cluster: DDL gets `ON CLUSTER`, engines of the MergeTree family
become Replicated ones, and the window in which repeated inserts are known becomes that of replicated tables. One shard, any number of
replicas: `{shard}` and `{replica}` are macros of the servers' configuration.
"""

import re

PLACE = "/clickhouse/tables/{shard}/{database}/{table}"
REPLICA = "{replica}"
WINDOW_SECONDS = 604_800

_HEAD = re.compile(
    r"(?P<head>\s*(?:CREATE\s+(?:OR\s+REPLACE\s+)?(?:DATABASE|TABLE|VIEW)(?:\s+IF\s+NOT\s+EXISTS)?|ALTER\s+TABLE"
    r"|DROP\s+(?:DATABASE|TABLE|VIEW)(?:\s+IF\s+EXISTS)?|RENAME\s+TABLE|TRUNCATE\s+TABLE)\s+(?P<name>`[^`]+`|[\w.]+))"
    r"(?P<cluster>\s+ON\s+CLUSTER\b)?",
    re.IGNORECASE,
)
_UNCHANGED = re.compile(r"\s*(?:INSERT|SELECT|WITH)\b", re.IGNORECASE)
_TEXT_OR_ENGINE = re.compile(r"('(?:[^'\\]|\\.)*')|\bENGINE\s*=\s*(?!Replicated)(\w*MergeTree)\b(?:\s*\(([^()]*)\))?", re.IGNORECASE)
_TEXT_OR_WINDOW = re.compile(r"('(?:[^'\\]|\\.)*')|\bnon_replicated_deduplication_window\s*=\s*(\d+)", re.IGNORECASE)


def clustered(statement: str, cluster: str | None) -> str:
    """Return `statement` as every server of `cluster` is to carry it out; None changes nothing, and what is rewritten stays as it is.

    Raises ValueError for a statement of a kind that is not known here, which would reach one server alone.
    """
    if cluster is None or _UNCHANGED.match(statement):
        return statement
    found = _HEAD.match(statement)
    if found is None:
        raise ValueError(f"cannot be carried out on a cluster: {statement.split(chr(10), 1)[0][:80]}")
    if found["cluster"] is None:
        statement = f"{found['head']} ON CLUSTER '{cluster}'{statement[found.end() :]}"
    return _TEXT_OR_WINDOW.sub(_window, _TEXT_OR_ENGINE.sub(_engine, statement))


def _engine(found: "re.Match[str]") -> str:
    if found[1] is not None:
        return found[1]
    arguments = ", ".join([f"'{PLACE}'", f"'{REPLICA}'", *([found[3].strip()] if found[3] and found[3].strip() else [])])
    return f"ENGINE = Replicated{found[2]}({arguments})"


def _window(found: "re.Match[str]") -> str:
    """0 is said too: a replicated table drops repeated inserts unless it is told not to."""
    if found[1] is not None:
        return found[1]
    return f"replicated_deduplication_window = {found[2]}, replicated_deduplication_window_seconds = {WINDOW_SECONDS}"
