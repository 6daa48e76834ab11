"""Records as a person types them: score without the extra `train`; train in an environment that has it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.integration.test_sequence_commands import hubbub, lines
from tests.tiny_record_bundle import write_tiny_record_bundle
from tests.train_environment import train_python

GIVEN = """{"temp": 80, "kind": "fan", "failed": "?", "id": 7}
{"temp": "hot"}
{"colour": 1}
{"load": null, "temp": 10.5, "kind": null}
"""


def test_scores_line_by_line(tmp_path: Path) -> None:
    folder = write_tiny_record_bundle(tmp_path)
    one, many = (
        hubbub("score", "records", "--model", folder, "--probabilities", "--batch-size", size, given=GIVEN)
        for size in (1, 100)
    )
    assert one.stdout == many.stdout and "2 of 4 lines have no answer" in one.stderr
    hot, text, foreign, cold = lines(one.stdout)
    assert hot["input"] == {"failed": "?"} and hot["id"] == 7
    assert hot["failed"] == {"label": "yes", "score": 0.993307, "probabilities": {"no": 0.006693, "yes": 0.993307}}
    assert hot["contributions"] == {"temp": 2.0, "temp * load": 2.0, "kind": -1.0}
    assert text["error"]["message"] == "expected a number in temp, got a text"
    assert "expected columns of the model (kind, load, temp)" in foreign["error"]["message"]
    assert cold["failed"]["label"] == "no"
    kept = hubbub("score", "records", "--model", folder, "--state", tmp_path / "memory", given="")
    assert kept.returncode == 2 and "records have none" in kept.stderr


@pytest.mark.slow
def test_learns_from_a_table(tmp_path: Path) -> None:
    """A rule over a product, a category and gaps is found, and the same command gives the same bytes."""
    draw = random.Random(1)
    rows = []
    for i in range(600):
        speed, torque, kind = draw.uniform(1, 10), draw.uniform(1, 10), draw.choice(["fan", "pump"])
        failed = "yes" if speed * torque > 55 and kind == "pump" else "no"
        gap = None if draw.random() < 0.2 else draw.random()
        rows.append({"id": f"m{i}", "speed": speed, "torque": torque, "kind": kind, "gap": gap, "failed": failed})
    data = tmp_path / "machines.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for name in ("one", "two"):
        command = ("train", "records", "--data", data, "--target", "failed", "--output", tmp_path / name, "--json")
        done = hubbub(*command, python=train_python())
        assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["f1"]["yes"] > 0.8 > figures["trivial"]["always_yes"]["f1"]
    assert "id is left out: it looks like an identifier" in done.stderr
    assert (tmp_path / "one" / "model.onnx").read_bytes() == (tmp_path / "two" / "model.onnx").read_bytes()
    given = '{"speed": 9.5, "torque": 9.5, "kind": "pump"}\n{"speed": 9.5, "torque": 9.5, "kind": "fan"}\n'
    answers = lines(hubbub("score", "records", "--model", tmp_path / "one", given=given).stdout)
    assert [one["failed"]["label"] for one in answers] == ["yes", "no"]
