"""compose.yaml: the fields Compose knows, settings that exist, ports and files that are there."""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from contract.settings import checked, parsed
from contract.variables import VARIABLES
from ingest_gateway.seed import read_seed

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "sluice:local"}
PORTS = {
    "gateway": "GATEWAY_HTTP_PORT",
    "processor": "WORKER_WEB_PORT",
    "sink-clickhouse": "SINK_WEB_PORT",
    "sink-archive": "SINK_WEB_PORT",
    "sink-evaluators": "SINK_WEB_PORT",
    "query": "QUERY_HTTP_PORT",
}
CLOUD_VARIABLES = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
STATE_VARIABLES = ("SPOOL_DIR", "WORKER_DATA_DIR", "CONTROL_SNAPSHOT_FILE")


def test_compose_takes_it() -> None:
    """Only fields of the Compose specification, of the right types: the part of its schema that is used here."""
    schema = json.loads((Path(__file__).parent / "compose.schema.json").read_text())

    jsonschema.validate(COMPOSE, schema)


@pytest.mark.parametrize("name", OURS)
def test_every_variable_exists_and_takes_its_value(name: str) -> None:
    """A misspelt name would stop the service; a wrong value as well."""
    environment = OURS[name]["environment"]
    for variable, text in environment.items():
        if variable not in CLOUD_VARIABLES:
            checked(VARIABLES[variable], parsed(VARIABLES[variable], text))


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_a_module_that_listens_where_it_is_asked(name: str) -> None:
    """The command can be run, the health check asks the default port, and it listens beyond its container."""
    service = OURS[name]
    port = str(VARIABLES[PORTS[name]].default)

    assert service["command"][0] == "-m"
    assert importlib.util.find_spec(service["command"][1] + ".__main__") is not None
    assert f"http://127.0.0.1:{port}/readyz" in " ".join(service["healthcheck"]["test"])
    assert [value for variable, value in service["environment"].items() if variable.endswith("_HOST")] == ["0.0.0.0"]


@pytest.mark.parametrize("name", OURS)
def test_state_lies_on_a_volume(name: str) -> None:
    """The root file system cannot be written, and what is on a volume outlives the container."""
    service = OURS[name]
    mounted = [volume.split(":")[1] + "/" for volume in service.get("volumes", ())]

    assert service["read_only"] is True
    for variable in STATE_VARIABLES:
        if variable in service["environment"]:
            assert any(service["environment"][variable].startswith(path) for path in mounted)


def test_nothing_listens_beyond_this_machine() -> None:
    """The passwords stand in the file."""
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]

    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_file_and_volume_that_is_mounted_is_there() -> None:
    """Docker would make a folder in a missing file's place."""
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source.startswith("./") else source in COMPOSE["volumes"]


def test_every_server_says_how_it_is() -> None:
    """Services wait for what they need to be healthy, not only to run."""
    lasting = {name: service for name, service in SERVICES.items() if name != "bucket"}

    assert all("healthcheck" in service for service in lasting.values())
    for service in OURS.values():
        assert {name: how["condition"] for name, how in service["depends_on"].items()} == {
            "kafka": "service_healthy",
            "clickhouse": "service_healthy",
            "bucket": "service_completed_successfully",
        }


def test_images_are_pinned() -> None:
    """By a tag that names a release; ours is built here."""
    for service in SERVICES.values():
        assert re.search(r":(?!latest$)[\w.-]+$", service["image"])


def test_the_keys_in_the_file_are_those_it_tells_of() -> None:
    """The seed can be read, and the keys that the comment names are in it."""
    [project] = read_seed(ROOT / "compose" / "projects.json")
    comment = (ROOT / "compose.yaml").read_text().partition("name: sluice")[0]

    assert all(key.secret in comment for key in project.keys)


def test_prometheus_scrapes_every_service_of_ours() -> None:
    """By its name and port, under the job that the alerts look for."""
    scraped = yaml.safe_load((ROOT / "compose" / "prometheus.yml").read_text())["scrape_configs"]
    targets = {target for job in scraped for part in job["static_configs"] for target in part["targets"]}

    assert targets == {f"{name}:{VARIABLES[PORTS[name]].default}" for name in OURS}
    assert all(job["job_name"].startswith("sluice-") for job in scraped)
