"""No library below the release in which a known hole was closed (S9): what we allow, what CI installs, what runs here.

Source: the advisories, collected in July 2026. A hole in a release that we allow is found here, not by a user.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from infra.local.kafka import KAFKA_VERSION

ROOT = Path(__file__).parents[2]
# Distribution: the first release without the holes named beside it.
FLOORS = {
    "onnx": "1.21.0",  # CVE-2026-27489, -28500, -34445, -34446, -34447: paths outside of the model's folder
    "onnxruntime": "1.28",  # memory safety of the parser; sparse weights read from anywhere
    "transformers": "5.3.0",  # CVE-2026-4372: code run by from_pretrained; only for training
    "kafka-python": "3.0.0",  # CVE-2026-10142 and -10143: a broker takes memory, or freezes the client
    "aiohttp": "3.13.4",  # CVE-2026-22815, -34516: a request takes memory; comes with Faust
    "protobuf": "6.33.5",  # CVE-2026-0994: recursion; comes with Beam
    "pyarrow": "23.0.1",  # CVE-2023-47248: code run by a file; CVE-2026-25087: use after free
}
KAFKA_FLOOR = "4.2"  # CVE-2026-35554: the Java client of older ones writes to wrong topics


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.partition("==") for line in lines if "==" in line and not line.startswith("#")]
    return {name.lower().replace("_", "-"): release for name, _, release in pairs}


@pytest.mark.parametrize("name", sorted(FLOORS))
def test_what_ci_installs_is_above_the_floor(name: str) -> None:
    assert Version(pinned()[name]) >= Version(FLOORS[name])


@pytest.mark.parametrize("name", sorted(FLOORS))
def test_what_is_installed_here_is_above_the_floor(name: str) -> None:
    try:
        installed = version(name)
    except PackageNotFoundError:
        # transformers is for training, which has an environment of its own.
        assert name == "transformers", f"{name} is needed by the tests and is not installed"
        return
    assert Version(installed) >= Version(FLOORS[name])


def test_what_we_ask_for_ourselves_is_above_the_floor() -> None:
    """pip would take the lowest release that our requirements allow, were it the only one there is."""
    asked = [Requirement(one) for one in requires("hubbub") or []]
    checked = set()
    for one in asked:
        name = one.name.lower()
        lowest = [Version(spec.version) for spec in one.specifier if spec.operator in (">=", "==", "~=")]
        if name in FLOORS and lowest:
            assert max(lowest) >= Version(FLOORS[name]), f"{one} allows releases below {FLOORS[name]}"
            checked.add(name)
    assert {"onnx", "onnxruntime", "transformers", "kafka-python", "pyarrow"} <= checked


def test_the_kafka_that_we_start_is_above_the_floor() -> None:
    assert Version(KAFKA_VERSION) >= Version(KAFKA_FLOOR)


def test_pickles_are_not_among_what_travels() -> None:
    """Beam ships functions by pickle within a job; nothing of ours reads a pickle from a topic, a file or state."""
    for package in ("schemas", "operators", "infra", "pipelines"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert "pickle.load" not in text and "raw_pickle" not in text, path
