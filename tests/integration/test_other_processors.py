"""The shipped models on a processor without AVX-512 and VNNI, emulated: the same bits. Part of `make slow`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def answers(*emulator: str) -> dict[str, Any]:
    command = [*emulator, sys.executable, "-m", "tests.answer_bits"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_haswell_gives_the_same_bits() -> None:
    qemu = shutil.which("qemu-x86_64")
    assert qemu is not None, "expected qemu-x86_64 to emulate a processor: apt-get install qemu-user"
    here, haswell = answers(), answers(qemu, "-cpu", "Haswell")
    assert len(here["text"]) > 30 and len(set(here["telemetry"])) > 50
    assert haswell == here
