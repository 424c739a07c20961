"""What would be started, worked out from the environment."""

from pathlib import Path

import pytest

from contract.errors import SettingsError
from sluice.embedded.plan import for_service, make_plan

FREE = {"GATEWAY_HTTP_PORT": "0", "GATEWAY_GRPC_PORT": "0", "OTLP_HTTP_PORT": "0", "QUERY_HTTP_PORT": "0"}


def test_mistakes_of_every_service_are_reported_at_once() -> None:
    """Misspelt and out-of-range variables of different services come in one error, each by name."""
    with pytest.raises(SettingsError) as wrong:
        make_plan({"BATCH_SZE": "5", "WRITE_INTERVAL_MS": "1", "MAX_JSON_DEPTH": "deep", "CACHE_TTL_SECONDS": "-1"})

    text = str(wrong.value)
    assert all(name in text for name in ("BATCH_SZE", "WRITE_INTERVAL_MS", "MAX_JSON_DEPTH", "CACHE_TTL_SECONDS"))


def test_everything_points_into_the_data_directory(tmp_path: Path) -> None:
    """Unset paths and addresses belong to this stack; Kafka is its own, with three partitions."""
    plan = make_plan({**FREE, "SLUICE_DATA_DIR": str(tmp_path)})

    assert plan.environ["CLICKHOUSE_PATH"] == str(tmp_path / "clickhouse")
    assert plan.environ["WORKER_DATA_DIR"] == str(tmp_path / "worker")
    assert plan.environ["KAFKA_BOOTSTRAP_SERVERS"] == f"127.0.0.1:{plan.ports['kafka']}"
    assert plan.environ["TOPIC_PARTITIONS"] == "3"
    assert plan.environ["QUERY_URL"] == f"http://127.0.0.1:{plan.ports['query_http']}"


def test_a_directory_made_with_more_partitions_keeps_them(tmp_path: Path) -> None:
    """State is partition-local, so what an earlier release chose stays; a partition that is being deleted is none."""
    for name in (*(f"events-{number}" for number in range(6)), "events-6.0b1c-delete", "control-0"):
        (tmp_path / "kafka" / "data" / name).mkdir(parents=True)

    assert make_plan({**FREE, "SLUICE_DATA_DIR": str(tmp_path)}).environ["TOPIC_PARTITIONS"] == "6"


def test_a_kafka_of_ones_own_replaces_the_embedded_one() -> None:
    """With KAFKA_BOOTSTRAP_SERVERS set, no broker is planned and the partitions are the variable's own default."""
    plan = make_plan({**FREE, "KAFKA_BOOTSTRAP_SERVERS": "broker:9092"})

    assert not plan.has_own_kafka
    assert plan.bootstrap_servers == "broker:9092"
    assert "TOPIC_PARTITIONS" not in plan.environ


def test_what_the_user_set_stays_and_empty_counts_as_unset() -> None:
    """Own values win over the stack's; an empty one does not."""
    plan = make_plan({**FREE, "WORKER_DATA_DIR": "/elsewhere", "TOPIC_PARTITIONS": "3", "CLICKHOUSE_PATH": ""})

    assert plan.environ["WORKER_DATA_DIR"] == "/elsewhere"
    assert plan.environ["TOPIC_PARTITIONS"] == "3"
    assert plan.environ["CLICKHOUSE_PATH"].endswith("clickhouse")


def test_services_are_told_the_ports_that_were_chosen() -> None:
    """A free port is chosen once: a service that is started again listens where it did before."""
    plan = make_plan(FREE)

    assert plan.environ["GATEWAY_HTTP_PORT"] == str(plan.ports["gateway_http"]) != "0"


def test_each_service_keeps_a_snapshot_of_its_own() -> None:
    """Two processes never write one snapshot file."""
    plan = make_plan(FREE)

    assert for_service(plan, "gateway")["CONTROL_SNAPSHOT_FILE"] != for_service(plan, "store")["CONTROL_SNAPSHOT_FILE"]


def test_a_gateway_that_listens_everywhere_is_reached_on_the_loopback() -> None:
    """0.0.0.0 is an address to listen on, not one to connect to."""
    assert make_plan({**FREE, "GATEWAY_HOST": "0.0.0.0"}).gateway_host == "127.0.0.1"
