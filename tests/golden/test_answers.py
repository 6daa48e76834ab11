"""Golden lines: what the shipped models and operators answer, to the byte. A change here is a change for every user.

After a new bundle: `hubbub score TASK --explain < TASK.in.jsonl > TASK.out.jsonl`, and read the difference.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ANSWERS = Path(__file__).parent / "answers"


@pytest.mark.parametrize("task", ["messages", "logs", "alarms", "telemetry"])
def test_the_answers_are_those_that_were_written_down(task: str) -> None:
    command = [sys.executable, "-m", "pipelines.command_line", "score", task, "--explain"]
    done = subprocess.run(command, input=(ANSWERS / f"{task}.in.jsonl").read_bytes(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == (ANSWERS / f"{task}.out.jsonl").read_bytes().splitlines()
