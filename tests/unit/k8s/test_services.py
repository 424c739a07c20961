"""The manifests against the services: commands, variables, ports and probes are those the code has."""

import importlib.util
import re
from typing import Any

import pytest

from contract.kafka import KafkaSettings
from contract.settings import checked, load, parsed
from contract.topics import Topic, changelog_config, topics
from contract.variables import VARIABLES
from ingest_gateway.forward import is_forwarded
from tests.unit.k8s.manifests import BUILT, EVERY, FOLDERS, WORKLOADS, find, title
from tests.unit.k8s.rendering import Manifest, containers_of, pod_of

CLOUD_VARIABLES = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
"""What the AWS SDK reads for itself."""

PORT_VARIABLES = {
    "sluice-gateway": {"http": "GATEWAY_HTTP_PORT", "otlp-http": "OTLP_HTTP_PORT", "grpc": "GATEWAY_GRPC_PORT"},
    "sluice-processor": {"web": "WORKER_WEB_PORT"},
    "sluice-sink-clickhouse": {"web": "SINK_WEB_PORT"},
    "sluice-sink-archive": {"web": "SINK_WEB_PORT"},
    "sluice-sink-evaluators": {"web": "SINK_WEB_PORT"},
    "sluice-query": {"http": "QUERY_HTTP_PORT"},
}
SERVING = [pair for pair in WORKLOADS if pair[1]["metadata"]["name"] in PORT_VARIABLES]


def config_of(folder: str) -> dict[str, str]:
    return dict(find(folder, "ConfigMap", "sluice-config")["data"])


def given(folder: str, container: Manifest) -> dict[str, str]:
    """Return the variables with a value that a container gets."""
    own = {variable["name"]: variable["value"] for variable in container.get("env", ()) if "value" in variable}
    return {**config_of(folder), **own}


@pytest.mark.parametrize("pair", WORKLOADS, ids=title)
def test_every_variable_exists_and_takes_its_value(pair: tuple[str, Manifest]) -> None:
    """A misspelt name would stop the service; a wrong value as well."""
    folder, manifest = pair
    for container in containers_of(manifest):
        names = {variable["name"] for variable in container.get("env", ())} | set(config_of(folder))
        assert names <= set(VARIABLES)
        for name, text in given(folder, container).items():
            checked(VARIABLES[name], parsed(VARIABLES[name], text))


@pytest.mark.parametrize("pair", [pair for pair in EVERY if pair[1]["kind"] == "Secret"], ids=title)
def test_a_secret_holds_variables_or_a_file(pair: tuple[str, Manifest]) -> None:
    """`sluice-secrets` becomes environment, `sluice-projects` a file."""
    name, keys = pair[1]["metadata"]["name"], set(pair[1]["data"])

    assert keys <= (set(VARIABLES) | CLOUD_VARIABLES if name == "sluice-secrets" else {"projects.json"})


@pytest.mark.parametrize("pair", WORKLOADS, ids=title)
def test_the_command_is_a_module_of_ours(pair: tuple[str, Manifest]) -> None:
    """`python -m something`, where something can be run."""
    for container in containers_of(pair[1]):
        flag, module, *_ = container["args"]
        assert flag == "-m"
        assert importlib.util.find_spec(f"{module}.__main__") is not None


@pytest.mark.parametrize("pair", SERVING, ids=title)
def test_ports_are_those_the_service_listens_on(pair: tuple[str, Manifest]) -> None:
    """A container's port is the variable's value, or its default."""
    folder, manifest = pair
    for container in containers_of(manifest):
        wanted = PORT_VARIABLES[manifest["metadata"]["name"]]
        assert {port["name"] for port in container["ports"]} == set(wanted)
        for port in container["ports"]:
            variable = VARIABLES[wanted[port["name"]]]
            assert port["containerPort"] == int(given(folder, container).get(variable.name, variable.default))


@pytest.mark.parametrize("pair", SERVING, ids=title)
def test_probes_ask_for_progress(pair: tuple[str, Manifest]) -> None:
    """Started and alive by /healthz, ready by /readyz, on a port that is there."""
    for container in containers_of(pair[1]):
        paths = {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
        for probe, path in paths.items():
            asked = container[probe]["httpGet"]
            assert asked["path"] == path
            assert asked["port"] in {port["name"] for port in container["ports"]}


@pytest.mark.parametrize("pair", SERVING, ids=title)
def test_a_service_listens_where_the_cluster_reaches_it(pair: tuple[str, Manifest]) -> None:
    """The defaults are for one machine."""
    folder, manifest = pair
    for container in containers_of(manifest):
        hosts = [value for name, value in given(folder, container).items() if name.endswith("_HOST")]
        assert hosts == ["0.0.0.0"]


@pytest.mark.parametrize("pair", WORKLOADS, ids=title)
def test_a_pod_has_time_to_finish(pair: tuple[str, Manifest]) -> None:
    """Kubernetes waits longer than the service takes, the pause before it included."""
    folder, manifest = pair
    pod: Any = pod_of(manifest)
    for container in pod["containers"]:
        pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        takes = int(given(folder, container).get("SHUTDOWN_TIMEOUT_SECONDS", VARIABLES["SHUTDOWN_TIMEOUT_SECONDS"].default))
        assert pod.get("terminationGracePeriodSeconds", 30) > pause + takes


def test_topics_are_those_the_services_would_make() -> None:
    """Names, partitions and settings; with Strimzi the services need no right to make topics."""
    config = config_of("overlays/production")
    partitions, hours = int(config["TOPIC_PARTITIONS"]), int(VARIABLES["EVENTS_RETENTION_HOURS"].default)
    changelog = f"{VARIABLES['WORKER_GROUP'].default}-state-changelog"
    ours = (*topics(partitions, hours), Topic(name=changelog, partitions=partitions, config=changelog_config()))

    declared = {one["metadata"]["name"]: one["spec"] for one in BUILT["overlays/production"] if one["kind"] == "KafkaTopic"}
    assert set(declared) == {topic.name for topic in ours}
    for topic in ours:
        spec = declared[topic.name]
        assert spec["partitions"] == topic.partitions
        assert spec["replicas"] == int(config["TOPIC_REPLICATION_FACTOR"])
        assert {name: str(value) for name, value in spec["config"].items()} == {**topic.config, "min.insync.replicas": "2"}


def test_users_see_every_topic_and_their_own_groups() -> None:
    """A service that cannot see a topic takes it for missing; a group it may not join is one it cannot work in."""
    names = {topic.name for topic in topics(1, 1)}
    groups = {"sluice-processor": {"WORKER_GROUP"}, "sluice-sink": {"SINK_GROUP", "ARCHIVE_GROUP"}}
    for user in (one for one in BUILT["overlays/production"] if one["kind"] == "KafkaUser"):
        acls = user["spec"]["authorization"]["acls"]
        seen = {acl["resource"]["name"] for acl in acls if acl["resource"]["type"] == "topic" and "Describe" in acl["operations"]}
        joined = {acl["resource"]["name"] for acl in acls if acl["resource"]["type"] == "group"}
        assert names <= seen
        assert {str(VARIABLES[name].default) for name in groups.get(user["metadata"]["name"], ())} <= joined


@pytest.mark.parametrize("pair", [pair for pair in WORKLOADS if pair[0] == "overlays/production"], ids=title)
def test_a_service_shows_the_password_of_a_user_that_exists(pair: tuple[str, Manifest]) -> None:
    """User name, secret and KafkaUser go together, and the CA file is mounted: without one of them the settings are refused."""
    folder, manifest = pair
    [container] = containers_of(manifest)
    by_name = {variable["name"]: variable for variable in container["env"]}
    user = by_name["KAFKA_SASL_USERNAME"]["value"]
    mounted = [mount["mountPath"] + "/" for mount in container["volumeMounts"]]
    without_file = {name: text for name, text in given(folder, container).items() if name != "KAFKA_SSL_CA_FILE"}

    assert find(folder, "KafkaUser", user)
    assert by_name["KAFKA_SASL_PASSWORD"]["valueFrom"]["secretKeyRef"] == {"name": user, "key": "password"}
    assert any(given(folder, container)["KAFKA_SSL_CA_FILE"].startswith(path) for path in mounted)
    assert load(KafkaSettings, {**without_file, "KAFKA_SASL_PASSWORD": "secret"}).sasl_username == user


def test_the_ingress_sends_reads_to_the_query_service() -> None:
    """Exactly the paths that the gateway itself would forward; all others are the gateway's."""
    [rule] = find("overlays/production", "Ingress", "sluice")["spec"]["rules"]
    for path in rule["http"]["paths"]:
        is_read = path["backend"]["service"]["name"] == "sluice-query"
        example = path["path"] + ("/x" if path["pathType"] == "Prefix" else "")
        assert is_forwarded(re.sub("/+", "/", example)) == is_read


@pytest.mark.parametrize("folder", FOLDERS[:2])
def test_services_lead_to_ports_that_exist(folder: str) -> None:
    """Each selects a workload that has the port by name; each Ingress names a Service and a port of it."""
    pods = {
        one["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"]: one
        for where, one in WORKLOADS
        if where == folder and "template" in one["spec"]
    }
    services = {one["metadata"]["name"]: one["spec"] for one in BUILT[folder] if one["kind"] == "Service"}
    for spec in services.values():
        [container] = containers_of(pods[spec["selector"]["app.kubernetes.io/name"]])
        assert {port["targetPort"] for port in spec["ports"]} <= {port["name"] for port in container["ports"]}
    for ingress in (one for one in BUILT[folder] if one["kind"] == "Ingress"):
        for path in ingress["spec"]["rules"][0]["http"]["paths"]:
            backend = path["backend"]["service"]
            assert backend["port"]["name"] in {port["name"] for port in services[backend["name"]]["ports"]}
