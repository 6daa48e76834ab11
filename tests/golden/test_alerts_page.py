"""What docs/alerts.md shows is what happens: its rule file and its test file are written, its commands are run."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from pipelines.command_line import run

PAGE = Path(__file__).parents[2] / "docs" / "alerts.md"


def blocks(kind: str) -> list[str]:
    """Return the fenced blocks of a kind."""
    pieces = PAGE.read_text(encoding="utf-8").split(f"```{kind}\n")[1:]
    return [piece.split("```")[0] for piece in pieces]


def test_the_page_does_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    rules, tests = blocks("toml")
    (tmp_path / "alerts.toml").write_text(rules, encoding="utf-8")
    (tmp_path / "alerts-test.toml").write_text(tests, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    [console] = blocks("console")
    steps = [step.splitlines() for step in console.split("$ hubbub ")[1:]]
    assert steps
    for command, *shown in steps:
        capfd.readouterr()
        assert run(shlex.split(command)) == 0, capfd.readouterr().err
        real = iter(capfd.readouterr().out.splitlines())
        for line in (line for line in shown if line.strip() not in ("", "...")):
            begin, _, end = line.partition("...")
            assert any(one.startswith(begin.rstrip()) and end.strip(" .") in one for one in real), (command, line)
