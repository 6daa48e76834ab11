"""Forecasts as a person types them: training says what it needs, and makes a bundle that the pipeline takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.forecast_model import ForecastModel
from operators.signal_history import FEATURES
from tests.integration.test_sequence_commands import hubbub
from tests.train_environment import train_python


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--horizon", "soon"), "expected a length of time like"),
        (("--hold-out", "rust"), "expected kinds of fault, of charger_overheats"),
        (("--severity", "bad"), "is not one of"),
    ],
)
def test_wrong_use_is_said(tmp_path: Path, given: tuple[str, ...], said: str) -> None:
    done = hubbub("train", "forecast", "--output", tmp_path / "bundle", *given, python=train_python())
    assert done.returncode == 2, done.stderr
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert not (tmp_path / "bundle").exists()


@pytest.mark.slow
def test_two_days_make_a_bundle_with_its_figures(tmp_path: Path) -> None:
    command = ("train", "forecast", "--output", tmp_path / "forecast", "--days", "2", "--horizon", "2h", "--json")
    done = hubbub(*command, python=train_python())
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert set(figures) == {"limit", "test", "unmet"}
    assert {"base_rate", "alarm_lately", "trouble_lately"} == set(figures["test"]["baselines"])
    model = ForecastModel(tmp_path / "forecast")
    assert (model.features, model.severity, model.horizon_us) == (FEATURES, "major", 7_200_000_000)
    assert model.card.metrics == figures
