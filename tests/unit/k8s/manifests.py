"""The manifests as they would be applied, for the tests beside."""

from pathlib import Path
from typing import Any

from tests.unit.k8s.rendering import Manifest, build, pod_of

ROOT = Path(__file__).parents[3] / "k8s"
FOLDERS = ("overlays/dev", "overlays/production", "autoscaling/keda")
BUILT: dict[str, list[Manifest]] = {folder: build(ROOT / folder) for folder in FOLDERS}
EVERY = [(folder, manifest) for folder, manifests in BUILT.items() for manifest in manifests]
WORKLOADS = [(folder, manifest) for folder, manifest in EVERY if pod_of(manifest) is not None]


def title(pair: Any) -> str:
    """Return how a manifest is called in a test's name."""
    folder, manifest = pair
    return f"{folder}: {manifest['kind']} {manifest['metadata']['name']}"


def find(folder: str, kind: str, name: str) -> Manifest:
    """Return one manifest."""
    [found] = [one for one in BUILT[folder] if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found
