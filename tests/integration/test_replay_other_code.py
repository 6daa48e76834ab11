"""`hubbub replay --candidate PATH`: another checkout, a wheel, a user's own package, and code that does not work."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from models.find_bundle import shipped_bundles
from tests.broker_subject import eventually
from tests.patience import PATIENCE_S
from tests.tiny_text_bundle import write_tiny_text_bundle

Hubbub = Callable[..., Any]
ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "models", "operators", "infra", "pipelines")
RULES = "operators/default_alert_rules.py"
OWN = """
from schemas.alarms import ALARMS
from schemas.topic import Topic
from pipelines.pipeline import Pipeline

COPIES = Pipeline("copies", [ALARMS], [], [Topic("acme.copies", ALARMS.schema, "copies of alarms")])
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a small text model in its settings, and an hour of one device's alarms and log lines."""
    write_tiny_text_bundle(tmp_path / "bundle")
    settings = '[models]\ntext-enzh = "bundle"\n'
    for name in ("templates-common", "telemetry-level"):  # a checkout here comes without any
        settings += f'{name} = "{shipped_bundles()[name]}"\n'
    (tmp_path / "hubbub.toml").write_text(settings, encoding="utf-8")
    rows = []
    for minute in range(40):
        at = f"2026-03-01T08:{minute:02}:00Z"
        rows.append({"topic": "alarms", "device_id": f"d{minute % 3}", "event_time": at, "code": f"E-{minute % 2}"})
        rows[-1] |= {"text": "door open", "perceived_severity": "major", "state": ("raise", "clear")[minute // 6 % 2]}
        line = {"message": f"pump {minute} lost pressure", "severity": "major"}
        rows.append({"topic": "device.logs", "device_id": f"d{minute % 3}", "event_time": at, **line})
    (tmp_path / "hour.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    return tmp_path


def checkout(folder: Path, *changes: tuple[str, str, str]) -> Path:
    """Copy hubbub's packages, without the bundles, and change some texts in their files."""
    ignored = shutil.ignore_patterns("__pycache__", "bundles", "data")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    for path, old, new in changes:
        text = (folder / path).read_text(encoding="utf-8")
        assert old in text
        (folder / path).write_text(text.replace(old, new), encoding="utf-8")
    return folder


def test_the_same_code_elsewhere_gives_the_same_bytes(hubbub: Hubbub, here: Path) -> None:
    """Another process, another folder, the history as files: no difference, and nothing is written there."""
    other = checkout(here / "copy")
    before = sorted(other.rglob("*"))
    answer = hubbub("replay", "--input", "hour.jsonl", "--candidate", "copy", "--json")
    assert answer.status == 0, answer.err
    found = json.loads(answer.out)
    assert found["candidate"]["name"] == "copy"
    assert found["candidate"]["models"] == found["baseline"]["models"] != {}
    assert found["alerts"]["same"] > 2
    assert all(topic["identical"] == topic["both"] > 0 for topic in found["topics"].values())
    assert sorted(other.rglob("*")) == before


def test_a_checkout_with_another_threshold_differs_as_set_does(hubbub: Hubbub, here: Path) -> None:
    """A rule that was changed in code, and the same one changed by --set, raise the same alerts."""
    checkout(here / "patient", (RULES, "resolve_after_s=7 * DAY", "resolve_after_s=60.0"))
    elsewhere = hubbub("replay", "--input", "hour.jsonl", "--candidate", "patient", "--json")
    by_set = hubbub("replay", "--input", "hour.jsonl", "--set", "device_alarm.resolve_after_s=60", "--json")
    assert (elsewhere.status, by_set.status) == (1, 1), elsewhere.err
    found, expected = json.loads(elsewhere.out), json.loads(by_set.out)
    assert found["alerts"] == expected["alerts"]
    assert found["alerts"]["differing"] > 0
    assert found["candidate"]["alerts"] == expected["candidate"]["alerts"]


def test_a_checkout_of_git_is_called_by_its_commit_and_may_be_the_baseline(hubbub: Hubbub, here: Path) -> None:
    other = checkout(here / "old", (RULES, "resolve_after_s=7 * DAY", "resolve_after_s=60.0"))
    for arguments in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *arguments], cwd=other, check=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=other, check=True, capture_output=True, text=True)
    with (other / RULES).open("a", encoding="utf-8") as file:
        file.write("\n")
    answer = hubbub("replay", "--input", "hour.jsonl", "--against", "old", "--json")
    assert answer.status == 1, answer.err
    found = json.loads(answer.out)
    assert found["baseline"]["name"] == f"old ({commit.stdout[:10]}+)"
    assert found["candidate"]["name"] == "today's models"


def test_a_wheel_brings_a_pipeline_of_ones_own(hubbub: Hubbub, here: Path) -> None:
    """Built by pip from a package with an entry point; hubbub itself is the one that asks."""
    source = here / "acme"
    (source / "acme_pipelines").mkdir(parents=True)
    (source / "acme_pipelines" / "__init__.py").write_text(OWN, encoding="utf-8")
    (source / "setup.py").write_text(
        "from setuptools import setup\n"
        "setup(name='acme', version='1.0', packages=['acme_pipelines'],\n"
        "      entry_points={'hubbub.pipelines': ['copies = acme_pipelines:COPIES']})\n",
        encoding="utf-8",
    )
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--wheel-dir", str(here), str(source)], check=True, capture_output=True)
    wheel = "acme-1.0-py3-none-any.whl"
    chosen = ("--candidate", wheel, "--against", wheel, "--pipeline", "copies")
    lines = [line for line in (here / "hour.jsonl").read_bytes().splitlines() if b'"alarms"' in line]
    (here / "alarms.jsonl").write_bytes(b"\n".join(lines))
    answer = hubbub("replay", "--input", "alarms.jsonl", *chosen, "--json")
    assert answer.status == 0, answer.err
    found = json.loads(answer.out)
    assert found["candidate"]["name"] == f"{wheel}, again"
    assert found["topics"]["acme.copies"]["identical"] == 40
    here_alone = hubbub("replay", "--input", "alarms.jsonl", "--pipeline", "copies")
    assert here_alone.status == 2  # nothing of it stayed in this process


def test_what_kept_events_raised_is_compared_with_other_code(hubbub: Hubbub, here: Path) -> None:
    """A broker's history, its ticks and its memory of what was raised: the copy gives it back exactly."""
    lines = (here / "hour.jsonl").read_bytes().splitlines()
    for topic in ("alarms", "device.logs"):
        kept = [line for line in lines if f'"{topic}"'.encode() in line]
        rows = [orjson.dumps({k: v for k, v in orjson.loads(line).items() if k != "topic"}) for line in kept]
        (here / f"{topic}.jsonl").write_bytes(b"\n".join(rows))
        assert hubbub("produce", topic, f"{topic}.jsonl").status == 0
    assert hubbub("run", "alarms", "logs", "alerts", "--until-end").status == 0
    checkout(here / "copy")
    pipelines = [word for name in ("alarms", "logs", "alerts") for word in ("--pipeline", name)]
    answer = hubbub("replay", *pipelines, "--candidate", "copy", "--json")
    assert answer.status == 0, answer.out + answer.err
    found = json.loads(answer.out)
    assert found["alerts"]["same"] > 2
    assert all(topic["identical"] == topic["both"] > 0 for topic in found["topics"].values())


BROKEN = (
    "operators/raise_alerts.py",
    "        rows = AlertRows()\n",
    "        raise RuntimeError('rows went missing')\n",
)
DEAD = ("operators/raise_alerts.py", "        rows = AlertRows()\n", "        import os; os.kill(os.getpid(), 9)\n")


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        (BROKEN, 3, "rows went missing"),
        (DEAD, 3, "gave no answer: its process was killed by signal 9"),
        ((RULES, "DEFAULT_ALERT_RULES: Final = (", "DEFAULT_ALERT_RULES: Final = ("), 2, "log_abnorml"),
        (("schemas/severity.py", "SEVERITIES", "SERVERITIES"), 3, "it said last: ImportError"),
    ],
    ids=["raises", "dies", "wrong use", "does not import"],
)
def test_what_goes_wrong_there_is_said_here(
    hubbub: Hubbub, here: Path, change: tuple[str, str, str], status: int, sentence: str
) -> None:
    """With the candidate's name in front, on one line."""
    checkout(here / "bad", change)
    chosen = ("--set", "log_abnorml.count=2") if "abnorml" in sentence else ()
    answer = hubbub("replay", "--input", "hour.jsonl", "--candidate", "bad", *chosen)
    assert answer.status == status, answer.err
    assert answer.err.splitlines()[-1].startswith("hubbub: bad")
    assert sentence in answer.err and "Traceback" not in answer.err


def test_what_is_no_code_is_refused(hubbub: Hubbub, here: Path) -> None:
    (here / "empty").mkdir()
    (here / "text.whl").write_text("no zip", encoding="utf-8")
    for named, sentence in (
        ("nowhere", "which is not there"),
        ("empty", "without any Python"),
        ("text.whl", "expected a checkout's folder or a .whl"),
        ("hour.jsonl", "expected a checkout's folder or a .whl"),
    ):
        answer = hubbub("replay", "--input", "hour.jsonl", "--candidate", named)
        assert answer.status == 2 and sentence in answer.err, answer.err


WAITS = (
    "operators/raise_alerts.py",
    "        rows = AlertRows()\n",
    "        import os, pathlib, time\n"
    "        pathlib.Path({path!r}).write_text(str(os.getpid()))\n"
    "        time.sleep(600)\n",
)


@pytest.mark.parametrize(("ends_by", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)], ids=["Ctrl-C", "killed"])
def test_the_other_process_never_outlives_this_one(here: Path, ends_by: signal.Signals, status: int) -> None:
    """Stopped in an orderly way it is told so; killed, it notices itself."""
    path = here / "pid"
    checkout(here / "waits", (WAITS[0], WAITS[1], WAITS[2].format(path=str(path))))
    command = ["-m", "pipelines.command_line", "replay", "--input", "hour.jsonl", "--candidate", "waits"]
    with subprocess.Popen([sys.executable, *command], cwd=here, env={**os.environ, "PYTHONPATH": str(ROOT)}) as parent:
        try:
            assert eventually(lambda: path.exists() and path.read_text(encoding="utf-8") != "")
            parent.send_signal(ends_by)
            assert parent.wait(PATIENCE_S) == status
        finally:
            parent.kill()
    child = int(path.read_text(encoding="utf-8"))
    assert eventually(lambda: not Path(f"/proc/{child}").exists())
