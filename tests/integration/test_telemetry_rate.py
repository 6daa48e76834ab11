"""The rate of false alarms, set: `score`, `run` and `replay` take it, answers say it, mistakes are told."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.telemetry_model import TelemetryModel

Hubbub = Callable[..., Any]
RARELY = "?false_alarms_per_month=0.1"
TOML = "[telemetry]\nfalse_alarms_per_month = 0.1\n"


def readings(count: int = 200) -> bytes:
    """One reading a minute around 20, and two last ones far away."""
    lines = [
        {
            "device_id": "d1",
            "metric": "temp",
            "event_time": f"2026-03-01T{8 + number // 60:02d}:{number % 60:02d}:00Z",
            "value": 20.0 + number * 7 % 11 * 0.1 if number < count - 2 else 90.0,
        }
        for number in range(count)
    ]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def test_score_takes_it_from_the_flag_over_the_file(
    hubbub: Hubbub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = TelemetryModel.named().identity
    (tmp_path / "readings.jsonl").write_bytes(readings(3))

    def scored(*arguments: str) -> set[str]:
        with (tmp_path / "readings.jsonl").open(encoding="utf-8") as file:
            monkeypatch.setattr(sys, "stdin", file)
            out = hubbub("score", "telemetry", "--provenance", *arguments).out
        return {json.loads(line)["anomaly"]["model"] for line in out.splitlines()}

    assert scored() == {identity}
    (tmp_path / "hubbub.toml").write_text(TOML)
    assert scored() == {identity + RARELY}
    assert scored("--false-alarms-per-month", "30") == {f"{identity}?false_alarms_per_month=30"}


def test_run_and_replay_take_it_from_the_file_and_alerts_say_it(hubbub: Hubbub, tmp_path: Path) -> None:
    (tmp_path / "hubbub.toml").write_text(TOML)
    (tmp_path / "readings.jsonl").write_bytes(readings())
    assert hubbub("produce", "device.telemetry", "readings.jsonl").status == 0
    ran = hubbub("run", "telemetry", "alerts", "--until-end", "--json")
    assert ran.status == 0 and json.loads(ran.out)["alerts"] > 0, ran.err
    enriched = hubbub("subscribe", "device.telemetry.enriched", "--json")
    said = {json.loads(line)["hubbub"]["anomaly"]["model"] for line in enriched.out.splitlines()}
    assert said == {TelemetryModel.named().identity + RARELY}
    alert = json.loads(hubbub("subscribe", "--json").out.splitlines()[-1])
    assert {one["model"] for one in alert["evidence"]} == said
    replayed = hubbub("replay", "--topic", "device.telemetry", "--json")
    assert replayed.status == 0, replayed.out + replayed.err
    assert said <= set(json.loads(replayed.out)["candidate"]["models"].values())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("score", "telemetry", "--false-alarms-per-month", "0"),
            "the command line: telemetry.false_alarms_per_month: expected float > 0.0, got 0.0",
        ),
        (("score", "telemetry", "--false-alarms-per-month", "few"), "'few' is not a valid float"),
        (("score", "alarms", "--false-alarms-per-month", "2"), "is of the task telemetry, got alarms"),
        (("run", "telemetry", "--until-end", "--false-alarms-per-month", "43200"), "expected float < 43200.0"),
    ],
)
def test_a_mistake_says_what_was_expected_what_came_and_where(
    hubbub: Hubbub, arguments: tuple[str, ...], said: str
) -> None:
    answer = hubbub(*arguments)
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err
