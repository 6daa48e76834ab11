"""Sequences as a person types them: train, score, verify; with labels in an environment that has the extra `train`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE_S
from tests.tiny_sequence_bundle import boots, write_rows, write_tiny_sequence_bundle
from tests.train_environment import train_python

ROOT = Path(__file__).parents[2]


def hubbub(*words: object, given: str = "", python: Path = Path(sys.executable)) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-m", "pipelines.command_line", *map(str, words)]
    return subprocess.run(
        command, input=given, capture_output=True, text=True, timeout=PATIENCE_S, cwd=ROOT, check=False
    )


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_trains_and_scores(tmp_path: Path) -> None:
    data = write_rows(tmp_path / "boots.jsonl", [{"events": one} for one in boots(5, 80)])
    done = hubbub("train", "sequences", "--data", data, "--output", tmp_path / "boot")
    assert done.returncode == 0 and "80 sequences, 7 events" in done.stdout, done.stderr
    given = '{"events": ["power", "login"], "anomaly": 3, "id": 7}\nnonsense\n{"events": [5, 22]}\n{"events": []}\n'
    scored = [
        hubbub("score", "sequences", "--model", tmp_path / "boot", "--batch-size", size, given=given).stdout
        for size in (1, 100)
    ]
    assert scored[0] == scored[1]
    first, bad, numbers, empty = lines(scored[0])
    assert first["id"] == 7 and first["input"] == {"anomaly": 3}
    assert set(first["anomaly"]) == {"score", "is_anomaly", "because"}
    assert {"kind": "missing", "event": "kernel", "at": 1} in first["anomaly"]["because"]
    assert bad["error"]["line"] == 2
    assert {"kind": "extra", "event": "22", "at": 1} in numbers["anomaly"]["because"]
    assert empty["anomaly"] is None


def test_says_what_it_needs(tmp_path: Path) -> None:
    missing = hubbub("score", "sequences", given="")
    assert missing.returncode == 2 and "needs --model BUNDLE" in missing.stderr
    wrong = hubbub("train", "sequences", "--data", tmp_path / "none.jsonl", "--output", tmp_path / "boot")
    assert wrong.returncode == 2 and "expected a file of sequences" in wrong.stderr
    folder = write_tiny_sequence_bundle(tmp_path)
    (folder / "sequences.json").write_bytes(b"{}")
    changed = hubbub("score", "sequences", "--model", folder, given='{"events": ["a"]}\n')
    assert changed.returncode == 2 and "sequences.json has the sha256" in changed.stderr


@pytest.mark.slow
def test_learns_from_labels(tmp_path: Path) -> None:
    """What is abnormal by its label alone (a check of the disk) is learnt; the graph answers as LightGBM did."""
    rows: list[dict[str, object]] = [{"events": one, "label": int("check" in one)} for one in boots(5, 600)]
    data = write_rows(tmp_path / "boots.jsonl", rows)
    done = hubbub("train", "sequences", "--data", data, "--output", tmp_path / "boot", "--json", python=train_python())
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["learnt_from"] == "labels" and figures["f1"] > figures["trivial"]["everything_abnormal"]["f1"]
    given = "".join(json.dumps(row) + "\n" for row in rows[:50])
    answers = lines(hubbub("score", "sequences", "--model", tmp_path / "boot", given=given).stdout)
    assert [one["anomaly"]["is_anomaly"] for one in answers] == [row["label"] == 1 for row in rows[:50]]
