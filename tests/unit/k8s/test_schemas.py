"""Every manifest against its schema: Kubernetes' own, and for custom resources the fields that are used here."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from kubernetes_validate.utils import ValidationError, latest_version, validate

from tests.unit.k8s.manifests import EVERY, FOLDERS, ROOT, title
from tests.unit.k8s.rendering import Manifest, build

SCHEMAS = {path.stem: json.loads(path.read_text()) for path in (Path(__file__).parent / "schemas").glob("*.json")}
OLDEST, NEWEST = "1.30", latest_version()
NATIVE = [pair for pair in EVERY if pair[1]["kind"] not in SCHEMAS]
CUSTOM = [pair for pair in EVERY if pair[1]["kind"] in SCHEMAS]
KUSTOMIZE = shutil.which("kustomize")


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("pair", NATIVE, ids=title)
def test_kubernetes_takes_it(pair: tuple[str, Manifest], version: str) -> None:
    """Strictly: a field that Kubernetes does not know is a mistake, not a comment."""
    validate(pair[1], version, strict=True)


@pytest.mark.parametrize("pair", CUSTOM, ids=title)
def test_its_operator_takes_it(pair: tuple[str, Manifest]) -> None:
    """Custom resources have no published package of schemas, so the part that is used stands beside this test."""
    jsonschema.validate(pair[1], SCHEMAS[pair[1]["kind"]])


def test_a_misspelt_field_is_refused() -> None:
    """The check can fail."""
    [(_, budget), *_] = [pair for pair in EVERY if pair[1]["kind"] == "PodDisruptionBudget"]
    wrong: dict[str, Any] = {**budget, "spec": {**budget["spec"], "maxUnavailabel": 1}}

    with pytest.raises(ValidationError):
        validate(wrong, NEWEST, strict=True)


@pytest.mark.skipif(KUSTOMIZE is None, reason="kustomize is no Python package; where it is installed, its output is compared with ours")
@pytest.mark.parametrize("folder", FOLDERS)
def test_kustomize_builds_the_same(folder: str) -> None:
    """What is checked here is what would be applied."""
    printed = subprocess.run((KUSTOMIZE or "", "build", str(ROOT / folder)), capture_output=True, text=True, check=True).stdout
    theirs = sorted(map(_unwrapped, yaml.safe_load_all(printed)), key=_place)

    assert sorted(build(ROOT / folder), key=_place) == theirs


def _unwrapped(manifest: Manifest) -> Manifest:
    """Return a Secret without the line breaks that kustomize puts into long values."""
    if manifest["kind"] != "Secret":
        return manifest
    return {**manifest, "data": {name: text.replace("\n", "") for name, text in manifest["data"].items()}}


def _place(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]
