"""`hubbub models drift` and `reference`, on readings: a card's reference, one's own, and none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from models.bundle import CARD, seal_card
from models.find_bundle import find_bundle
from tests.integration.conftest import Hubbub
from tests.tiny_multivariate_bundle import pump, write_tiny_multivariate_bundle
from tests.tiny_sequence_bundle import boots, write_rows, write_tiny_sequence_bundle

DEVICES, MINUTES = 4, 160


def write_readings(path: Path, seed: int, *, shift: float = 0.0, faults: bool = False) -> Path:
    """Write readings a minute of some devices; with `faults` every tenth one leaps."""
    draw = np.random.default_rng(seed)
    lines = []
    for minute in range(MINUTES):
        for device in range(DEVICES):
            value = 20 + shift + draw.normal() + (50 * minute if faults and minute > 40 and minute % 10 < 4 else 0)
            at = f"2026-03-01T{minute // 60:02}:{minute % 60:02}:00Z"
            lines.append({"device_id": f"d{device}", "event_time": at, "metric": "temp", "value": round(value, 3)})
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def test_readings_beside_the_card_and_beside_ones_own(hubbub: Hubbub, tmp_path: Path) -> None:
    usual, later = write_readings(tmp_path / "usual.jsonl", 1), write_readings(tmp_path / "later.jsonl", 2)
    faulty = write_readings(tmp_path / "faulty.jsonl", 3, faults=True)
    warm = write_readings(tmp_path / "warm.jsonl", 4, shift=9.0)
    drift = ("models", "drift", "telemetry-level", "--data")

    calm = hubbub(*drift, str(usual))
    assert (calm.status, "like its reference" in calm.out) == (0, True), calm.out
    found = json.loads(hubbub(*drift, str(faulty), "--json").out)
    assert "anomaly" in found["drifted"] and found["rows"] == DEVICES * MINUTES
    assert hubbub(*drift, str(faulty)).status == 1
    # A shift that each series takes for its own level says nothing to the card; beside one's own readings it does.
    assert hubbub(*drift, str(warm)).status == 0
    against = hubbub(*drift, str(warm), "--against", str(usual), "--json")
    assert (against.status, json.loads(against.out)["drifted"]) == (1, ["value of temp"])
    assert hubbub(*drift, str(later), "--against", str(usual)).status == 0

    own = tmp_path / "own"
    made = hubbub("models", "reference", "telemetry-level", "--data", str(usual), "--output", str(own))
    assert made.status == 0 and "640 rows of device.telemetry" in made.out
    assert hubbub("models", "verify", str(own)).status == 0
    assert hubbub("models", "drift", str(own), "--data", str(warm)).status == 1
    again = hubbub("models", "reference", "telemetry-level", "--data", str(usual), "--output", str(own))
    assert (again.status, "does not exist yet" in again.err) == (2, True)


def test_what_cannot_be_compared_says_why(hubbub: Hubbub, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    shipped = find_bundle("telemetry-level")
    (bare / "model.onnx").write_bytes((shipped / "model.onnx").read_bytes())
    card = json.loads((shipped / CARD).read_bytes())
    del card["reference"]
    (bare / CARD).write_text(json.dumps(card))
    seal_card(bare)
    lines = write_readings(tmp_path / "lines.jsonl", 1)
    none = hubbub("models", "drift", str(bare), "--data", str(lines))
    assert (none.status, "no reference for device.telemetry" in none.err) == (2, True)
    (tmp_path / "other.jsonl").write_text('{"text": "hello"}')
    other = hubbub("models", "drift", "telemetry-level", "--data", str(tmp_path / "other.jsonl"))
    assert (other.status, "expected lines that `hubbub score telemetry` answers" in other.err) == (2, True)


@pytest.mark.parametrize("task", [(), ("--task", "telemetry")])
def test_a_model_of_several_topics_asks_which(hubbub: Hubbub, tmp_path: Path, task: tuple[str, ...]) -> None:
    (tmp_path / "lines.jsonl").write_text('{"text": "hello"}')
    asked = hubbub("models", "drift", "text-enzh", *task, "--data", str(tmp_path / "lines.jsonl"))
    assert (asked.status, "expected a task of text-enzh (messages, logs, alarms)" in asked.err) == (2, True)


def test_bundles_of_ones_own_know_what_they_learnt_from(hubbub: Hubbub, tmp_path: Path) -> None:
    pumps = write_tiny_multivariate_bundle(tmp_path)
    boot = write_tiny_sequence_bundle(tmp_path)
    metrics = list(pump(21, 300))
    calm: list[dict[str, object]] = [{"device_id": "d", "metrics": one} for one in metrics]
    slow: list[dict[str, object]] = [{"device_id": "d", "metrics": one | {"flow": 1.0}} for one in metrics]
    usual: list[dict[str, object]] = [{"events": one} for one in boots(31, 150)]
    short: list[dict[str, object]] = [{"events": ["power", "kernel", "power"]}] * 150
    for folder, same, other, figure in ((pumps, calm, slow, "value of flow"), (boot, usual, short, "events")):
        files = write_rows(tmp_path / "same.jsonl", same), write_rows(tmp_path / "other.jsonl", other)
        found = [hubbub("models", "drift", str(folder), "--data", str(file), "--json") for file in files]
        assert figure not in json.loads(found[0].out)["drifted"], found[0].out
        assert (found[1].status, figure in json.loads(found[1].out)["drifted"]) == (1, True), found[1].out


def test_a_replay_tells_of_drift_in_its_report(hubbub: Hubbub, tmp_path: Path) -> None:
    readings = write_readings(tmp_path / "device.telemetry.jsonl", 3, faults=True)
    answer = hubbub("replay", "--input", str(readings), "--report", "report", "--quality-budget", "0")
    assert answer.status == 0, answer.err
    assert "drift      today's models: telemetry-level@" in answer.out and "anomaly" in answer.out
    [told] = json.loads((tmp_path / "report" / "report.json").read_bytes())["drift"]["candidate"]
    assert told["topic"] == "device.telemetry" and "anomaly" in told["drifted"]
    assert [one["level"] for one in told["figures"] if one["figure"] == "anomaly"] == ["drifted"]
    assert told["rows"] == DEVICES * MINUTES == sum(window["rows"] for window in told["windows"])
    page = (tmp_path / "report" / "report.html").read_text()
    assert '<h2 id="drift">Drift</h2>' in page and "PSI from" in page
