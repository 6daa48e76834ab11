"""`make bench`: what the main job does end to end on this machine, beside what the machine could do at most.

Each job runs in a process of its own. The tables are printed, and kept in BENCHMARKS.md between their markers.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BENCHMARKS = HERE.parents[1] / "BENCHMARKS.md"
KINDS = {"plumbing": 100_000, "logs": 6_000, "messages": 6_000, "alarms": 6_000, "telemetry": 60_000, "alerts": 60_000}
STAGES = ("read and decode", "memory", "operators", "encode", "commit")


def python(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def start_up_seconds() -> float:
    """From typing the command to the first answer on stdout, model verified and all; the median of five."""
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "hubbub"), "score", "messages"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write('{"text": "the lock has been beeping since noon"}\n')
        process.stdin.flush()
        assert "sentiment" in process.stdout.readline()
        taken.append(time.perf_counter() - start)
        process.communicate()
    return sorted(taken)[2]


def end_to_end() -> str:
    limit = float(python(str(HERE / "bare_loop.py"), "100000"))
    rows = []
    for kind, count in KINDS.items():
        found: dict[str, Any] = json.loads(python(str(HERE / "run_job.py"), kind, str(count)))
        rate = count / found["seconds"]
        bare = found["bare_seconds"]
        physical = f"{count / bare:,.0f} (ONNX Runtime alone)" if bare else f"{limit:,.0f} (SQLite and orjson alone)"
        share = rate / (count / bare if bare else limit)
        total = sum(found["stages"].values())
        stages = [f"{100 * found['stages'].get(stage, 0) / total:.0f} %" for stage in STAGES]
        rows.append([kind, f"{rate:,.0f}", physical, f"{share:.2f}", *stages, f"{found['peak_mb']:.0f}"])
    head = ["kind", "events/s", "limit in the same run", "share", *STAGES, "peak MB"]
    return table(head, rows)


def keep(name: str, text: str) -> None:
    """Replace what lies between the markers of a section of BENCHMARKS.md."""
    document = BENCHMARKS.read_text(encoding="utf-8")
    start, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
    before, rest = document.split(start)
    _, after = rest.split(end)
    BENCHMARKS.write_text(before + start + text + end + after, encoding="utf-8")


def test_end_to_end() -> None:
    python, load = platform.python_version(), os.getloadavg()[0]
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {python}, load before {load:.1f}"
    text = "\n\n".join(
        [
            f"Machine: {machine}.",
            end_to_end(),
            f"From typing `hubbub score messages` to the first answer: {start_up_seconds():.2f} s (median of 5).",
        ]
    )
    print("\n" + text)
    keep("end to end", text)
