"""What the README shows is what happens: its `console` blocks are run, and their output is compared.

All blocks run in order in one new folder with the installed `hubbub`, as a reader would type them. A line that begins
with `$ ` is a command (a line that begins with `> ` continues it), and must exit with 0. The lines beneath it are what
it prints: they must occur in its real output in this order; `...` within a line stands for any text on that line, and a
line that is only `...` for any lines. A command without lines beneath it may print what it likes.
"""

from __future__ import annotations

import os
import subprocess
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S

README = Path(__file__).parents[2] / "README.md"
FENCE = "```"


@dataclass
class Step:
    """One command of the README, where it stands, and the lines that it is said to print."""

    line: int
    command: str
    shown: list[str] = field(default_factory=list)


def steps_of(markdown: str) -> list[Step]:
    """Return the commands of all `console` blocks, in order."""
    steps: list[Step] = []
    block: str | None = None
    for number, line in enumerate(markdown.splitlines(), start=1):
        if line.startswith(FENCE):
            block = line.removeprefix(FENCE).strip() if block is None else None
        elif block != "console":
            continue
        elif line.startswith("$ "):
            steps.append(Step(number, line.removeprefix("$ ")))
        elif not steps:
            raise ValueError(f"README.md line {number}: expected a command (`$ ...`) first, got {line!r}")
        elif line.startswith("> ") and not steps[-1].shown:
            steps[-1].command += "\n" + line.removeprefix("> ")
        elif line.strip():
            steps[-1].shown.append(line.rstrip())
    return steps


def like(shown: str, real: str) -> bool:
    """Return whether a real line is as shown, where `...` stands for any text.

    >>> like("found ... of 6", "found 6 of 6"), like("found ...", "lost 1")
    (True, False)
    """
    first, *rest = shown.split("...")
    if not rest:
        return shown == real
    *middle, last = rest
    if not (real.startswith(first) and real[len(first) :].endswith(last)):
        return False
    at, end = len(first), len(real) - len(last)
    for part in middle:
        found = real.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def missing_line(shown: list[str], real: list[str]) -> str | None:
    """Return the first shown line that the real output lacks; lines are looked for in order.

    >>> missing_line(["one", "...", "three"], ["one", "two", "three"]) is None
    True
    >>> missing_line(["two", "one"], ["one", "two"])
    'one'
    """
    left = iter(real)
    wanted = [line for line in shown if line.strip() != "..."]
    return next((line for line in wanted if not any(like(line, one.rstrip()) for one in left)), None)


def test_reads_blocks_commands_and_lines() -> None:
    """Only `console` blocks count; a command may go on over lines."""
    text = "# Title\n```python\n$ no\n```\n```console\n$ one\nsays 1\n\n$ two \\\n> more\n```\n"
    assert [(step.command, step.shown) for step in steps_of(text)] == [("one", ["says 1"]), ("two \\\nmore", [])]


@pytest.mark.parametrize(
    ("shown", "real", "same"),
    [
        ("a ... b ... c", "a 1 b 2 c", True),
        ("a ... b ... c", "a 1 c", False),
        ("...", "anything", True),
        ("ab...b", "ab", False),
        ("plain", "plain ", False),
    ],
)
def test_three_dots_stand_for_any_text(shown: str, real: str, same: bool) -> None:
    """The parts around the dots stand in order and do not overlap."""
    assert like(shown, real) is same


def test_readme_code_does_what_it_shows(tmp_path: Path) -> None:
    """Run every `console` block of README.md."""
    steps = steps_of(README.read_text(encoding="utf-8"))
    assert steps, "README.md has no `console` block: its first screen shows one command and what comes out"
    scripts = sysconfig.get_path("scripts")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUBBUB_")}
    environment |= {"PATH": f"{scripts}{os.pathsep}{environment['PATH']}", "COLUMNS": "120", "NO_COLOR": "1"}
    for step in steps:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", step.command],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        where = f"README.md line {step.line}: `{step.command}`"
        assert done.returncode == 0, f"{where} exited with {done.returncode}:\n{done.stdout}"
        missing = missing_line(step.shown, done.stdout.splitlines())
        assert missing is None, f"{where} does not print {missing!r} (there, or in this order), but:\n{done.stdout}"
