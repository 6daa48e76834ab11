"""The command line as tests call it: in this process where that is enough, as a process of its own where it is not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.command_line import run


@dataclass(frozen=True)
class Answer:
    """What a command answered."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Hubbub = Callable[..., Answer]


@pytest.fixture
def hubbub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Hubbub:
    """Run `hubbub ARGUMENTS` in an empty folder; with `stdin`, as a process of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str | Path, stdin: bytes | None = None) -> Answer:
        texts = [str(one) for one in arguments]
        if stdin is not None:
            command = [sys.executable, "-m", "pipelines.command_line", *texts]
            done = subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)
            return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())
        capfd.readouterr()
        status = run(texts)
        out, err = capfd.readouterr()
        return Answer(status, out, err)

    return call
