"""docs/replay.md is run as it stands: its history, its labels, its command, and the output that it shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.patience import PATIENCE_S

PAGE = Path(__file__).parents[2] / "docs" / "replay.md"
RAN = ", ran "


def blocks(language: str) -> list[str]:
    return [piece.split("```")[0] for piece in PAGE.read_text(encoding="utf-8").split(f"```{language}\n")[1:]]


def shown(text: str) -> list[str]:
    """The lines without what differs by machine: how long a side ran, and blanks at the end."""
    return [line.partition(RAN)[0].rstrip() for line in text.splitlines()]


def test_the_example_gives_what_the_page_shows(tmp_path: Path) -> None:
    history, truth = blocks("json")
    (tmp_path / "alarms.jsonl").write_text(history, encoding="utf-8")
    (tmp_path / "truth.jsonl").write_text(truth, encoding="utf-8")
    [output] = blocks("text")
    [command] = [block for block in blocks("") if block.startswith("hubbub replay --input")]
    words = command.split()[1:]
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.command_line", *words],
        cwd=tmp_path,
        env={"PYTHONPATH": str(PAGE.parents[1]), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 1, done.stderr.decode()
    assert shown(done.stdout.decode()) == shown(output)
