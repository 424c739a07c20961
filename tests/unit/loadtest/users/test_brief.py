"""Numbers of traces, lines of acknowledgements and how many users a shape asks for."""

import itertools
from pathlib import Path

import pytest

from loadtest.load.protocols import MIX, mixed
from loadtest.users.brief import BEGUN, OK, TRACES_PER_PROCESS, Acknowledged, Brief, Lines, line, numbers, read, users_at, write

PER_PROCESS = 2000


def _brief(folder: Path, **more: object) -> Brief:
    said = {
        "run": "0123456789ab",
        "seed": 1,
        "sizes": (10, 50),
        "gateway_http": "http://127.0.0.1:1",
        "gateway_grpc": "127.0.0.1:2",
        "public_key": "pk",
        "ingest_key": "sl-ingest-x",
        "folder": str(folder),
        "shape": "hundred",
        "per_second": 100.0,
        "seconds": 60.0,
        "warm_seconds": 5.0,
    }
    return Brief(**{**said, **more})  # type: ignore[arg-type]


def test_no_two_users_tell_the_same_trace() -> None:
    """Neither of two protocols nor of two processes; every number is told by the protocol it belongs to."""
    told = [
        (protocol, number)
        for protocol in dict.fromkeys(MIX)
        for process in range(3)
        for number in itertools.islice(numbers(protocol, process), PER_PROCESS)
    ]

    assert len({number for _, number in told}) == len(told)
    assert all(mixed(number).name == protocol for protocol, number in told)
    assert TRACES_PER_PROCESS % len(MIX) == 0


def test_a_brief_is_read_as_it_was_written(tmp_path: Path) -> None:
    """And nobody else may read the keys in it."""
    path = tmp_path / "brief.json"
    write(_brief(tmp_path), path)

    assert read({"LOADTEST_BRIEF": str(path)}) == _brief(tmp_path)
    assert path.stat().st_mode & 0o077 == 0


def test_lines_are_read_once_and_whole(tmp_path: Path) -> None:
    """A line that is being written is read when it is complete, from every process's file."""
    first, second = Acknowledged(7, 0, 1, 1.5, 1.75, OK), Acknowledged(8, 0, 0, 2.0, 2.0, BEGUN)
    lines = Lines(tmp_path)
    (tmp_path / "1.acks").write_text(line(first) + line(second)[:5])
    (tmp_path / "2.acks").write_text(line(second))
    found = list(lines.new())
    with (tmp_path / "1.acks").open("a") as file:
        file.write(line(second)[5:])

    assert sorted(found) == [first, second]
    assert list(lines.new()) == [second]
    assert list(lines.new()) == []
    lines.close()


@pytest.mark.parametrize(("second", "users"), [(0, 25), (5, 25), (60, 25)])
def test_users_make_the_rate(tmp_path: Path, second: float, users: int) -> None:
    """100 requests/s of traces that take two each, told by users of two traces a second, are 25 users; also in the warm-up."""
    assert users_at(_brief(tmp_path), 2.0, 20.0, second) == users


def test_a_rate_of_events_needs_fewer_users(tmp_path: Path) -> None:
    """Requests of twenty events: a twentieth; one user there is always."""
    brief = _brief(tmp_path, shape="batches", per_second=800.0)

    assert users_at(brief, 2.0, 20.0, 10) == 10
    assert users_at(_brief(tmp_path, per_second=0.1), 2.0, 20.0, 10) == 1
