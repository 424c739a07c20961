"""`kustomize build`, as much of it as our manifests use: what it does not know it refuses, so nothing is checked in half."""

import base64
import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]

KNOWN_FIELDS = {
    *("apiVersion", "kind", "resources", "namespace", "images", "replicas", "patches"),
    *("secretGenerator", "configMapGenerator", "generatorOptions"),
}
CLUSTER_WIDE = {"Namespace"}
MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
}
"""Kubernetes' own keys of the lists that strategic merging takes item by item; other lists are replaced."""


def build(folder: Path) -> list[Manifest]:
    """Return the manifests that `kustomize build folder` prints."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    unknown = set(kustomization) - KNOWN_FIELDS
    if unknown:
        raise NotImplementedError(f"{folder}: {', '.join(sorted(unknown))}")
    manifests = [manifest for name in kustomization.get("resources", ()) for manifest in _resources(folder / name)]
    manifests += _generated(folder, kustomization)
    for patch in kustomization.get("patches", ()):
        _apply(manifests, yaml.safe_load((folder / patch["path"]).read_text()), patch.get("target"))
    for manifest in manifests:
        _transform(manifest, kustomization)
    return manifests


def _resources(path: Path) -> list[Manifest]:
    if path.is_dir():
        return build(path)
    return [manifest for manifest in yaml.safe_load_all(path.read_text()) if manifest]


def _generated(folder: Path, kustomization: Manifest) -> Iterator[Manifest]:
    if not kustomization.get("generatorOptions", {}).get("disableNameSuffixHash", True):
        raise NotImplementedError("name suffixes")
    for wanted in kustomization.get("configMapGenerator", ()):
        yield _map_of(wanted, "ConfigMap", {name: (folder / name).read_text() for name in wanted.get("files", ())})
    for wanted in kustomization.get("secretGenerator", ()):
        data = dict(literal.split("=", 1) for literal in wanted.get("literals", ()))
        data |= {name: (folder / name).read_text() for name in wanted.get("files", ())}
        yield {**_map_of(wanted, "Secret", {k: base64.b64encode(v.encode()).decode() for k, v in data.items()}), "type": "Opaque"}


def _map_of(wanted: Manifest, kind: str, data: dict[str, str]) -> Manifest:
    labels = wanted.get("options", {}).get("labels")
    metadata = {"name": wanted["name"], **({"labels": labels} if labels else {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": {Path(name).name: text for name, text in data.items()}}


def _apply(manifests: list[Manifest], patch: Manifest, target: dict[str, str] | None) -> None:
    """Merge a patch into its targets; raise LookupError where it has none."""
    wanted = target or {"kind": patch["kind"], "name": re.escape(patch["metadata"]["name"])}
    hit = [one for one in manifests if one["kind"] == wanted["kind"] and re.fullmatch(wanted.get("name", ".*"), one["metadata"]["name"])]
    if not hit:
        raise LookupError(f"a patch for {wanted} that is nowhere")
    body = {name: value for name, value in patch.items() if name not in ("apiVersion", "kind", "metadata")}
    for manifest in hit:
        manifest.update(merged(manifest, body))


def merged(base: Manifest, patch: Manifest) -> Manifest:
    """Return `base` with `patch` merged strategically; null removes."""
    result = dict(base)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict) and isinstance(result.get(name), dict):
            result[name] = merged(result[name], value)
        elif isinstance(value, list) and isinstance(result.get(name), list) and name in MERGE_KEYS:
            result[name] = _merged_items(result[name], value, MERGE_KEYS[name])
        else:
            result[name] = copy.deepcopy(value)
    return result


def _merged_items(base: list[Manifest], patch: list[Manifest], key: str) -> list[Manifest]:
    """Merge items that have the same key; new ones come first, as kustomize has it."""
    patches = {item[key]: item for item in patch}
    there = {item[key] for item in base}
    kept = [merged(item, patches[item[key]]) if item[key] in patches else item for item in base]
    return [copy.deepcopy(item) for item in patch if item[key] not in there] + kept


def _transform(manifest: Manifest, kustomization: Manifest) -> None:
    if "namespace" in kustomization and manifest["kind"] not in CLUSTER_WIDE:
        manifest["metadata"]["namespace"] = kustomization["namespace"]
    for wanted in kustomization.get("replicas", ()):
        if manifest["metadata"]["name"] == wanted["name"] and manifest["kind"] in ("Deployment", "StatefulSet"):
            manifest["spec"]["replicas"] = wanted["count"]
    for container in containers_of(manifest):
        for image in kustomization.get("images", ()):
            if container["image"] == image["name"]:
                container["image"] = f"{image.get('newName', image['name'])}:{image['newTag']}"


def pod_of(manifest: Manifest) -> Manifest | None:
    """Return a workload's pod spec."""
    spec = manifest.get("spec") or {}
    if manifest["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    pod: Manifest | None = spec.get("template", {}).get("spec") if manifest["kind"] in ("Deployment", "StatefulSet", "CronJob") else None
    return pod


def containers_of(manifest: Manifest) -> list[Manifest]:
    """Return a workload's containers."""
    pod = pod_of(manifest)
    return [] if pod is None else list(pod["containers"])
