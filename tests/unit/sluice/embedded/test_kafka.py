"""The broker's settings and command, before any Java runs."""

from pathlib import Path

from sluice.embedded.kafka import Broker, command, new_cluster_id, properties, properties_text


def broker(folder: str = "/data/kafka", heap_mb: int = 512) -> Broker:
    """Return a broker."""
    return Broker(folder=Path(folder), port=1111, controller_port=2222, heap_mb=heap_mb, partitions=6)


def test_the_broker_listens_on_the_loopback_address_alone() -> None:
    """Neither clients' nor the controller's listener is open to the network."""
    settings = properties(broker())

    assert settings["listeners"] == "PLAINTEXT://127.0.0.1:1111,CONTROLLER://127.0.0.1:2222"
    assert settings["controller.quorum.voters"] == "1@127.0.0.1:2222"


def test_a_folder_with_any_letters_survives_the_properties_file() -> None:
    """Java reads properties as Latin-1 with escapes: backslashes and other scripts are escaped."""
    assert properties_text({"log.dirs": "/data/日本\\x/𝄞"}) == "log.dirs=/data/\\u65e5\\u672c\\\\x/\\ud834\\udd1e\n"


def test_the_heap_is_bounded_by_its_variable() -> None:
    """A small heap lowers what is taken at the start too."""
    assert {"-Xms128m", "-Xmx512m"} <= set(command(broker(), []))
    assert {"-Xms128m", "-Xmx128m"} <= set(command(broker(heap_mb=128), []))


def test_cluster_ids_are_kafkas_kind_and_differ() -> None:
    """22 characters of URL-safe base 64, and no leading dash, which the tool would take for an option."""
    ids = {new_cluster_id() for _ in range(300)}

    assert len(ids) == 300
    assert {len(one) for one in ids} == {22}
    assert not any(one.startswith("-") for one in ids)
