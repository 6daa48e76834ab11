"""The built wheel, run where the checkout cannot be imported: what a person installs is whole."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "models", "operators", "infra", "pipelines")
MESSAGES: tuple[dict[str, object], ...] = (
    {"text": "The front door lock will not open and my child is inside", "ticket": 7},
    {"text": "空调一直漏水，什么时候能来修？"},
)


def run(*command: str | Path, cwd: Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in an environment that names neither the checkout nor an active virtual environment."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=kept, input=stdin, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and install it into an environment of its own; return that environment."""
    place = tmp_path_factory.mktemp("wheel")
    # Built from a copy: setuptools leaves a folder `build` where it builds.
    source = place / "source"
    source.mkdir()
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index"]
    built = run(*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", place, source, cwd=place)
    assert built.returncode == 0, built.stderr
    (wheel,) = place.glob("hubbub-*.whl")

    outside = place / "outside"
    venv.create(outside)
    python = outside / "bin" / "python"
    # A folder that a .pth names is searched, but its own .pth files are not read: so the third-party packages of this
    # environment are seen, and its editable install, which points at the checkout, is not.
    (site,) = (outside / "lib").glob("python*/site-packages")
    (site / "third_party.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    third_party = run(python, "-c", "import click, pyarrow, onnxruntime", cwd=place)
    assert third_party.returncode == 0, third_party.stderr
    for package in PACKAGES:
        before = run(python, "-c", f"import {package}", cwd=place)
        assert "ModuleNotFoundError" in before.stderr, f"the checkout's {package} can be imported: this proves nothing"
    installed = run(*pip, "--python", python, "install", *offline, wheel, cwd=place)
    assert installed.returncode == 0, installed.stderr
    shutil.rmtree(source)
    return outside


def test_the_wheel_scores_messages(outside: Path) -> None:
    """`hubbub score messages` answers from the installed bundle; what is not ours passes through."""
    lines = "".join(json.dumps(message) + "\n" for message in MESSAGES)
    done = run(outside / "bin" / "hubbub", "score", "messages", cwd=outside, stdin=lines)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [{key: answer[key] for key in message} for answer, message in zip(answers, MESSAGES, strict=True)] == list(
        MESSAGES
    )
    assert [answer["language"]["label"] for answer in answers] == ["en", "zh-CN"]
    assert all({"sentiment", "topic", "urgency"} <= set(answer) for answer in answers)


def test_the_wheel_is_what_ran(outside: Path) -> None:
    """Each package comes from the wheel; the version is the wheel's."""
    told = run(
        outside / "bin" / "python",
        "-c",
        f"import {', '.join(PACKAGES)}\nfor one in ({', '.join(PACKAGES)}): print(one.__file__)",
        cwd=outside,
    )
    assert told.returncode == 0, told.stderr
    assert all(Path(line).is_relative_to(outside) for line in told.stdout.splitlines())
    version = run(outside / "bin" / "hubbub", "--version", cwd=outside)
    assert version.stdout.startswith("hubbub "), version.stderr
