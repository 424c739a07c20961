"""Jars are what the lock file says, or nothing starts."""

import hashlib
from pathlib import Path

import pytest

from sluice.embedded import jars
from sluice.embedded.errors import StartError
from sluice.embedded.jars import KAFKA, LOG_BINDING, Jar

CONTENT = b"a jar's bytes"


def jar(name: str) -> Jar:
    """Return a locked jar with CONTENT."""
    return Jar(f"org.example:{name}:1.0", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


def put(jar: Jar, repository: Path, content: bytes = CONTENT) -> Path:
    """Put a jar where Maven would keep it."""
    path = jar.path_in(repository)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_the_class_path_keeps_the_locks_order(tmp_path: Path) -> None:
    """Verified jars come back as paths in the order of the lock."""
    wanted = [jar("second"), jar("first")]
    there = [put(one, tmp_path) for one in wanted]

    assert jars.verify(wanted, tmp_path) == there


def test_missing_and_changed_jars_are_refused_by_name(tmp_path: Path) -> None:
    """Every jar at fault is named, in one message."""
    put(jar("good"), tmp_path)
    put(jar("changed"), tmp_path, b"other bytes")

    with pytest.raises(StartError) as refused:
        jars.verify([jar("good"), jar("changed"), jar("absent")], tmp_path)

    assert "changed-1.0.jar" in str(refused.value)
    assert "absent-1.0.jar" in str(refused.value)
    assert "good-1.0.jar" not in str(refused.value)


def test_missing_jars_are_the_ones_to_fetch(tmp_path: Path) -> None:
    """Only what is not there is fetched."""
    put(jar("there"), tmp_path)

    assert jars.missing([jar("there"), jar("absent")], tmp_path) == [jar("absent")]


def test_a_maven_path_is_built_from_the_coordinate(tmp_path: Path) -> None:
    """Dots of the group are folders; the version is a folder and part of the name."""
    found = Jar("org.apache.kafka:kafka_2.13:4.3.1", "", 0).path_in(tmp_path)

    assert found == tmp_path / "org/apache/kafka/kafka_2.13/4.3.1/kafka_2.13-4.3.1.jar"


def test_the_lock_file_holds_kafka_and_its_log_binding_once() -> None:
    """The lock in the repository names the versions the code asks for, every jar once, every hash whole."""
    locked = jars.locked()
    coordinates = [one.coordinate for one in locked]

    assert KAFKA in coordinates
    assert LOG_BINDING in coordinates
    assert len({one.file_name for one in locked}) == len(locked)
    assert {len(one.sha256) for one in locked} == {64}


def test_a_lock_file_reads_back_as_it_was_written(tmp_path: Path) -> None:
    """Writing and reading the lock file changes nothing."""
    lock = tmp_path / "lock.json"
    lock.write_bytes(jars.written([jar("one"), jar("two")]))

    assert jars.locked(lock) == (jar("one"), jar("two"))
