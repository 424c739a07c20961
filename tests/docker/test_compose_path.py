"""The same path in containers: compose.yaml built and started, an event in at the gateway and out at the read API."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from testcontainers.compose import DockerCompose

ROOT = Path(__file__).parents[2]
GATEWAY, QUERY, PROMETHEUS = "http://127.0.0.1:8080", "http://127.0.0.1:8090", "http://127.0.0.1:9090"
INGEST, READ = {"authorization": "Bearer sl-ingest-compose-only"}, {"authorization": "Bearer sl-read-compose-only"}
READY_SECONDS, STORED_SECONDS = 300.0, 60.0
SCRAPED_SERVICES = 6

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1200)]


def why_not() -> str | None:
    """Return why containers cannot be started here."""
    if shutil.which("docker") is None:
        return "there is no docker command"
    for command in (("docker", "compose", "version"), ("docker", "info")):
        tried = subprocess.run(command, capture_output=True, text=True, check=False)
        if tried.returncode:
            return f"`{' '.join(command)}` fails: {(tried.stderr.strip() or tried.stdout.strip()).splitlines()[0]}"
    return None


@pytest.fixture(scope="module")
def composed() -> Iterator[DockerCompose]:
    """Yield the running containers; skip where there is no Docker."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with DockerCompose(str(ROOT), build=True, wait=False) as running:
        _until(lambda: all(requests.get(f"{url}/readyz", timeout=5).ok for url in (GATEWAY, QUERY)), READY_SECONDS)
        yield running


def test_an_event_goes_all_the_way(composed: DockerCompose) -> None:
    """Acknowledged at the gateway, merged, stored in ClickHouse, read back with its cost."""
    now = datetime.now(UTC).isoformat()
    event = {"event_id": "e1", "entity": "observation", "entity_id": "o1", "trace_id": "compose-1", "kind": "generation", "name": "chat"}
    event |= {"model": "gpt-4o", "provider": "openai", "start_time": now, "end_time": now}
    answer = requests.post(f"{GATEWAY}/v1/events", json=[{**event, "usage": {"input": 10, "output": 5}}], headers=INGEST, timeout=10)
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)

    def observation() -> bool:
        found = requests.get(f"{QUERY}/api/v1/traces/compose-1", headers=READ, timeout=10)
        return found.ok and [one["total_cost"] is not None for one in found.json()["observations"]] == [True]

    _until(observation, STORED_SECONDS)


def test_prometheus_sees_every_service_and_takes_the_rules(composed: DockerCompose) -> None:
    """Targets are up, and the rules are those of the file."""

    def targets_up() -> bool:
        active = requests.get(f"{PROMETHEUS}/api/v1/targets", timeout=10).json()["data"]["activeTargets"]
        return [target["health"] for target in active] == ["up"] * SCRAPED_SERVICES

    _until(targets_up, STORED_SECONDS)
    groups = requests.get(f"{PROMETHEUS}/api/v1/rules", timeout=10).json()["data"]["groups"]
    assert {group["name"] for group in groups} >= {"sluice-slo", "sluice-sinks"}


def _until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except requests.RequestException:
            pass
        assert time.monotonic() < deadline, "not in time"
        time.sleep(1.0)
