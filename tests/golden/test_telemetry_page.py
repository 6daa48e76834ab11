"""What docs/telemetry.md shows and counts is so: its console block runs, its table is that of the model's card."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from models.bundle import CARD
from models.telemetry_model import TelemetryModel
from models.training.telemetry.series import FAULTS
from pipelines.command_line import run

PAGE = (Path(__file__).parents[2] / "docs" / "telemetry.md").read_text(encoding="utf-8")


def table(metrics: dict[str, Any]) -> list[str]:
    """The rows of the page's first table, from a card."""
    return [
        " | ".join(
            [
                f"| {family}",
                *(f"{metrics['faults'][fault][family]['found']:.2f}" for fault in FAULTS),
                f"{alarms:.2f} |",
            ]
        )
        for family, alarms in metrics["false_alarms_a_series_and_month"].items()
    ]


def test_the_table_is_that_of_the_card() -> None:
    metrics = orjson.loads((TelemetryModel.named().path / CARD).read_bytes())["metrics"]
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and line.count("|") == 7][1:]
    assert rows == table(metrics)


def test_the_console_block_prints_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    [block] = [piece.split("```")[0] for piece in PAGE.split("```console\n")[1:]]
    _, given, answers = block.split("$ ")
    command, *shown = answers.splitlines()
    assert command == "hubbub score telemetry < readings.jsonl"
    (tmp_path / "readings.jsonl").write_text("\n".join(given.splitlines()[1:]) + "\n", encoding="utf-8")
    with (tmp_path / "readings.jsonl").open(encoding="utf-8") as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert run(["score", "telemetry"]) == 0
    printed = capfd.readouterr().out.splitlines()
    assert len(printed) == len(shown)
    for line, expected in zip(printed, shown, strict=True):
        assert line.startswith(expected.removesuffix("...")), line
