"""`make bench`: what the main job does end to end on this machine, beside what the machine could do at most.

Each job runs in a process of its own. The tables are printed, and kept in BENCHMARKS.md between their markers, where
the words around them say what each figure means.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.figures import json_of, keep, machine, table
from tests.bench.workloads import texts

# Events, and for kinds without a text model the topics through which each goes one after the other.
KINDS = {"plumbing": 100_000, "telemetry": 60_000, "alerts": 60_000, "logs": 5_000, "messages": 5_000, "alarms": 5_000}
HOPS = {"plumbing": 1, "telemetry": 1, "alerts": 2}
STAGES = ("read and decode", "memory", "operators", "model", "encode", "commit")
LATENCIES = 150
LINES = 2_000


def score() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(Path(sys.executable).parent / "hubbub"), "score", "messages"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def answer(process: subprocess.Popen[str], text: str) -> None:
    """Give a line and wait for its answer."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps({"text": text}) + "\n")
    process.stdin.flush()
    assert "sentiment" in process.stdout.readline()


def start_up_seconds() -> float:
    """From typing the command to the first answer on stdout, model verified and all; the median of five."""
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        process = score()
        answer(process, "the lock has been beeping since noon")
        taken.append(time.perf_counter() - start)
        process.communicate()
    return sorted(taken)[2]


def lines_a_second() -> float:
    """`hubbub score messages` once it runs: different texts in by a pipe, answers out by another."""
    process = score()
    answer(process, "the lock has been beeping since noon")
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts("messages", LINES))
    start = time.perf_counter()
    answers, _ = process.communicate(lines)
    taken = time.perf_counter() - start
    assert process.returncode == 0 and len(answers.splitlines()) == LINES
    return LINES / taken


def end_to_end() -> str:
    rows = []
    for kind, count in KINDS.items():
        found = json_of("run_job.py", kind, count)
        rate, cpu = count / found["seconds"], found["cpu_seconds"] / count
        if found["bare_seconds"]:
            limit = count / found["bare_seconds"]
            share = rate / limit
        else:
            limit = json_of("bare_loop.py", "telemetry" if kind == "alerts" else kind, count)["copy"] / HOPS[kind]
            share = 1 / cpu / limit
        total = sum(found["stages"].values())
        parts = [100 * found["stages"].get(stage, 0) / total for stage in STAGES]
        figures = [f"{rate:,.0f}", f"{1e6 * cpu:,.0f}", f"{limit:,.0f}", f"{share:.2f}"]
        rows.append([kind, *figures, *(f"{part:.0f} %" for part in parts), f"{found['peak_mb']:.0f}"])
    return table(["kind", "events/s", "CPU us/event", "limit", "share", *STAGES, "peak MB"], rows)


def single_figures() -> str:
    latency = json_of("one_at_a_time.py", LATENCIES)
    alone = json_of("bare_loop.py", "plumbing", 100_000)
    rows = [
        ["one alarm at a time: `produce` to readable alert, p50", f"{latency['p50']:.0f} ms"],
        ["the same, p99", f"{latency['p99']:.0f} ms"],
        ["of it, the commits of its two pipelines", f"{latency['commits']:.1f} ms"],
        ["SQLite alone, records in", f"{alone['in']:,.0f} a CPU second"],
        ["SQLite alone, records out", f"{alone['out']:,.0f} a CPU second"],
        ["typing `hubbub score messages` to the first answer", f"{start_up_seconds():.2f} s"],
        ["`hubbub score messages`, lines of different texts", f"{lines_a_second():,.0f} a second"],
    ]
    return table(["what", "figure"], rows)


def test_end_to_end() -> None:
    text = "\n\n".join([machine(), end_to_end(), single_figures()])
    print("\n" + text)
    keep("end to end", text)
