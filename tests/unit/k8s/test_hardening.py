"""What every workload must have: rights, disruption, volumes, and nothing that fights the autoscaler."""

from typing import Any

import pytest
import yaml

from contract.variables import VARIABLES
from tests.unit.k8s.manifests import BUILT, ROOT, WORKLOADS, find, title
from tests.unit.k8s.rendering import Manifest, pod_of
from tests.unit.monitoring.test_rules import RECORDED

PRODUCTION = BUILT["overlays/production"]
SCALERS = [one for one in PRODUCTION if one["kind"] == "HorizontalPodAutoscaler"]


def name_of(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])


@pytest.mark.parametrize("pair", WORKLOADS, ids=title)
def test_a_pod_has_no_rights_it_does_not_need(pair: tuple[str, Manifest]) -> None:
    """Not root, a root file system nobody writes to, no capabilities, the default seccomp profile, no token."""
    pod: Any = pod_of(pair[1])
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"] is True
        assert rights["allowPrivilegeEscalation"] is False
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert {"memory"} <= set(container["resources"]["limits"])
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])


@pytest.mark.parametrize("pair", WORKLOADS, ids=title)
def test_what_is_written_is_a_volume(pair: tuple[str, Manifest]) -> None:
    """Every folder a service writes to lies on a mount that is there and can be written."""
    pod: Any = pod_of(pair[1])
    claims = pair[1]["spec"].get("volumeClaimTemplates", ())
    volumes = {volume["name"] for volume in pod["volumes"]} | {claim["metadata"]["name"] for claim in claims}
    for container in pod["containers"]:
        mounts = container["volumeMounts"]
        assert {mount["name"] for mount in mounts} <= volumes
        writable = [mount["mountPath"] + "/" for mount in mounts if not mount.get("readOnly")]
        for variable in container.get("env", ()):
            if variable["name"] in ("SPOOL_DIR", "WORKER_DATA_DIR", "CONTROL_SNAPSHOT_FILE"):
                assert any(variable["value"].startswith(path) for path in writable)


@pytest.mark.parametrize("folder", ["overlays/dev", "overlays/production"])
def test_every_service_has_a_disruption_budget(folder: str) -> None:
    """By the labels its pods have; a budget that forbids every eviction would block a node's upgrade."""
    budgets = {
        one["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"]: one["spec"]
        for one in BUILT[folder]
        if one["kind"] == "PodDisruptionBudget"
    }
    services = {name_of(one) for where, one in WORKLOADS if where == folder and one["kind"] != "CronJob"}

    assert set(budgets) == services
    assert all(spec["maxUnavailable"] == 1 for spec in budgets.values())


def test_the_spool_and_the_state_outlive_their_pods() -> None:
    """Accepted events may lie on a spool's volume when a gateway is scaled away."""
    for name in ("sluice-gateway", "sluice-processor"):
        kept = find("overlays/production", "StatefulSet", name)["spec"]["persistentVolumeClaimRetentionPolicy"]
        assert kept == {"whenDeleted": "Retain", "whenScaled": "Retain"}


@pytest.mark.parametrize("scaler", SCALERS, ids=name_of)
def test_the_autoscaler_owns_the_number(scaler: Manifest) -> None:
    """Its target exists and names no number of replicas, which every apply would put back."""
    target = scaler["spec"]["scaleTargetRef"]

    assert "replicas" not in find("overlays/production", target["kind"], target["name"])["spec"]


@pytest.mark.parametrize("scaler", SCALERS, ids=name_of)
def test_scaling_down_is_slow_and_one_at_a_time(scaler: Manifest) -> None:
    """Kubernetes' defaults take all away at once after five minutes; every step here moves partitions."""
    down = scaler["spec"]["behavior"]["scaleDown"]

    assert down["stabilizationWindowSeconds"] >= 600
    assert [(policy["type"], policy["value"]) for policy in down["policies"]] == [("Pods", 1)]
    assert all(policy["periodSeconds"] >= 120 for policy in down["policies"])
    assert scaler["spec"]["minReplicas"] >= 2


def test_there_are_no_more_workers_than_partitions() -> None:
    """One more has nothing to do; the largest number divides the partitions evenly."""
    config = find("overlays/production", "ConfigMap", "sluice-config")["data"]
    for name in ("sluice-processor", "sluice-sink-clickhouse"):
        most = find("overlays/production", "HorizontalPodAutoscaler", name)["spec"]["maxReplicas"]
        assert int(config["TOPIC_PARTITIONS"]) % most == 0


def test_keda_does_what_the_autoscaler_does() -> None:
    """The same bounds, behaviour and targets, so that the simulation speaks for both."""
    for scaled in BUILT["autoscaling/keda"]:
        spec, ours = scaled["spec"], find("overlays/production", "HorizontalPodAutoscaler", name_of(scaled))["spec"]
        assert spec["scaleTargetRef"] == ours["scaleTargetRef"]
        assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (ours["minReplicas"], ours["maxReplicas"])
        assert spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"] == ours["behavior"]
        assert spec["minReplicaCount"] > 0


def test_external_metrics_are_recorded_and_served() -> None:
    """What an autoscaler asks for, prometheus-adapter serves, from a series that a rule records; KEDA asks for the same series."""
    rules = yaml.safe_load((ROOT / "monitoring" / "prometheus-adapter-values.yaml").read_text())["rules"]["external"]
    served = {rule["name"]["as"]: rule["seriesQuery"] for rule in rules}
    asked = {metric["external"]["metric"]["name"] for one in SCALERS for metric in one["spec"]["metrics"] if metric["type"] == "External"}
    triggers = [trigger for one in BUILT["autoscaling/keda"] for trigger in one["spec"]["triggers"]]

    assert asked == set(served)
    assert set(served.values()) <= set(RECORDED)
    assert {trigger["metadata"]["query"] for trigger in triggers if trigger["type"] == "prometheus"} == set(served.values())
    assert all(rule["metricsQuery"] == f"max({rule['seriesQuery']})" for rule in rules)


def test_the_cold_mover_runs_alone() -> None:
    """Two at a time would move the same days."""
    spec = find("overlays/production", "CronJob", "sluice-cold-mover")["spec"]

    assert spec["schedule"] == "0 0 * * *"
    assert spec["concurrencyPolicy"] == "Forbid"


def test_objects_never_stay_in_a_pod() -> None:
    """Without a bucket and a secret of its own, every gateway would keep uploads on its own disk and sign them its own way."""
    assert "S3_BUCKET" in find("overlays/production", "ConfigMap", "sluice-config")["data"]
    assert VARIABLES["MEDIA_SECRET"].is_secret
    assert "MEDIA_SECRET" in find("overlays/dev", "Secret", "sluice-secrets")["data"]


def test_replacing_a_store_needs_no_change_of_rights() -> None:
    """Every workload is covered by the policy that lets nothing through, and by the one that names the stores."""
    for policy in ("sluice-nothing", "sluice-stores"):
        selector = find("overlays/production", "NetworkPolicy", policy)["spec"]["podSelector"]["matchLabels"]
        assert selector == {"app.kubernetes.io/part-of": "sluice"}
    for _, manifest in WORKLOADS:
        template = manifest["spec"].get("template") or manifest["spec"]["jobTemplate"]["spec"]["template"]
        assert template["metadata"]["labels"]["app.kubernetes.io/part-of"] == "sluice"
