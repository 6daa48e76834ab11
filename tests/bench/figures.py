"""How a benchmark runs its parts and keeps what they print: processes of their own, tables in BENCHMARKS.md."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BENCHMARKS = HERE.parents[1] / "BENCHMARKS.md"


def machine() -> str:
    """Say on what it was measured."""
    release, load = platform.python_version(), os.getloadavg()[0]
    return f"Machine: {os.cpu_count()} cores, {platform.machine()}, Python {release}, load before {load:.1f}."


def python(*arguments: str, interpreter: str = sys.executable) -> str:
    """Run a script and return what it printed."""
    done = subprocess.run([interpreter, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def json_of(script: str, *arguments: object, interpreter: str = sys.executable) -> dict[str, Any]:
    """Run a script of this folder and return the JSON object in the last line that it printed."""
    printed = python(str(HERE / script), *map(str, arguments), interpreter=interpreter)
    found: dict[str, Any] = json.loads(printed.strip().splitlines()[-1])
    return found


def keep(name: str, text: str) -> None:
    """Replace what lies between the markers of a section of BENCHMARKS.md."""
    document = BENCHMARKS.read_text(encoding="utf-8")
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, rest = document.split(start)
    _, after = rest.split(end)
    BENCHMARKS.write_text(f"{before}{start}{text}\n{end}{after}", encoding="utf-8")
