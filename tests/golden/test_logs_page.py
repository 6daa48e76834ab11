"""What docs/logs.md shows is what happens."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from models.template_model import TemplateModel
from operators.masking import SHOWN
from pipelines.catalog import find_pipeline, with_feeders
from pipelines.command_line import run

PAGE = (Path(__file__).parents[2] / "docs" / "logs.md").read_text(encoding="utf-8")


def test_the_console_block_prints_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    [block] = [piece.split("```")[0] for piece in PAGE.split("```console\n")[1:]]
    _, lines, answers = block.split("$ ")
    shown = answers.splitlines()
    assert (lines.splitlines()[0], shown[0]) == ("cat lines.jsonl", "hubbub score logs < lines.jsonl")
    (tmp_path / "lines.jsonl").write_text("\n".join(lines.splitlines()[1:]) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "lines.jsonl").open(encoding="utf-8") as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert run(["score", "logs"]) == 0
    printed = capfd.readouterr().out.splitlines()
    assert len(printed) == len(shown[1:])
    for line, expected in zip(printed, shown[1:], strict=True):
        assert line.startswith(expected.removesuffix("...")), line


def test_what_the_page_counts_and_names_is_so() -> None:
    known = TemplateModel.named()
    assert f"holds {len(known.loaded())} forms" in PAGE
    assert SHOWN in PAGE
    assert with_feeders(["log_silences"]) == ["log_silences", "log_silence_alerts"]
    for name in with_feeders(["log_silences"]):
        assert f"`{name}`" in PAGE
        assert find_pipeline(name).name == name
