"""The image: small, without root, and with everything that the services need."""

import fnmatch
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sinks.__main__ import COLD
from sinks.app import ARCHIVE, CLICKHOUSE, EVALUATE
from sluice.__main__ import COMMANDS

ROOT = Path(__file__).parents[3]
LINES = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text()).splitlines()
INSTRUCTIONS = [line.split(None, 1) for line in LINES if line and not line.startswith("#")]
IGNORED = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
MODULES = {"chdb-core": "chdb"}
STARTED = ("ingest_gateway", "processors", "sinks", "query")
SERVICES = (*(f"{name}.__main__" for name in STARTED), *(f"sluice.{command}" for command in COMMANDS))

IMPORT_WITHOUT = """
import importlib, sys
for name in sys.argv[1].split(","):
    sys.modules[name] = None
for name in sys.argv[2].split(","):
    importlib.import_module(name)
"""


def of(kind: str) -> list[str]:
    return [rest for name, rest in INSTRUCTIONS if name == kind]


def copied() -> set[str]:
    """Return what is copied from the checkout."""
    return {word for rest in of("COPY") if not rest.startswith("--from") for word in rest.split()[:-1]}


def left_out() -> list[str]:
    [names] = re.findall(r'LEFT_OUT="([^"]+)"', "\n".join(of("ARG")))
    return str(names).split()


def test_it_runs_as_nobody_special() -> None:
    """The last user is a number, so that Kubernetes can see that it is not root; the same as in the manifests."""
    assert of("USER")[-1] == "10001:10001"


def test_the_build_stays_behind() -> None:
    """Two stages; the second takes the finished environment and nothing else."""
    assert len(of("FROM")) == 2
    last = [name for name, _ in INSTRUCTIONS].index("FROM", 1)
    assert [rest for name, rest in INSTRUCTIONS[last:] if name == "COPY"] == ["--from=build /opt/sluice /opt/sluice"]


def test_every_package_is_copied_and_let_through() -> None:
    """What the wheel holds, the lock it is installed by, and nothing that the ignore file keeps back."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    allowed = {line[1:] for line in IGNORED if line.startswith("!")}

    assert packages <= copied()
    assert copied() == allowed
    assert all((ROOT / name).exists() for name in copied())


def test_nothing_else_reaches_the_build() -> None:
    """No virtual environment, no local data, no test, no secret."""
    assert IGNORED[0] == "*"
    assert any(fnmatch.fnmatch("contract/__pycache__", pattern) for pattern in IGNORED)


def test_what_is_left_out_is_installed_before() -> None:
    """A name that the lock does not know would stop the build."""
    locked = set(re.findall(r"^([a-z0-9_.-]+)==", (ROOT / "requirements" / "runtime.lock").read_text(), re.MULTILINE))

    assert set(left_out()) <= locked


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_or_command_starts_without_what_is_left_out(service: str) -> None:
    """Imported with those packages out of reach; `sluice up` would miss them later, and is not what the image is for."""
    missing = ",".join(sorted({MODULES.get(name, name) for name in left_out()}))
    done = subprocess.run(
        (sys.executable, "-W", "ignore", "-c", IMPORT_WITHOUT, missing, service), capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def test_the_comment_names_what_can_be_run() -> None:
    """Every service's module, and every sink's command."""
    told = (ROOT / "Dockerfile").read_text().partition("FROM")[0]
    named = set(re.findall(r"`(?:docker run sluice )?-m ([a-z_]+)(?: ([a-z]+))?", told))

    assert {module for module, _ in named} == {*STARTED, "sluice"}
    assert {command for module, command in named if module == "sinks"} == {CLICKHOUSE, ARCHIVE, EVALUATE, COLD}
