"""The other code's process as its parent sees it: what it is asked, how far it is, and what is said when it fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pipelines.bad_input import BadInput
from pipelines.error_sentences import WRONG_USE
from pipelines.replay.elsewhere import start
from pipelines.replay.elsewhere.code import Code
from pipelines.replay.elsewhere.exchange import ANSWER, PROGRESS, REQUEST, SAID, read_json, write_json
from schemas.safe_text import safe_text

LOOK_EVERY_S: Final = 0.2
_GOODBYE_S: Final = 10.0
_OURS: Final = Path(__file__).parents[3]
_MOST_SAID: Final = 400
# Settings of this process are no settings of the other one: it is told everything by the request.
_NOT_PASSED: Final = ("HUBBUB_", "PYTHON")


class OtherCodeFailed(Exception):
    """The other code could not do what it was asked: it raised, or its process died."""


def ask(
    code: Code,
    folder: Path,
    request: Mapping[str, Any],
    *,
    stop: threading.Event,
    done: Callable[[int], None] = lambda count: None,
) -> dict[str, Any] | None:
    """Start the process, wait for its answer and return it; None when `stop` was set first.

    BadInput when it says that the use is wrong (a pipeline that it does not have), else OtherCodeFailed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / REQUEST, request)
    command = [sys.executable, "-I", "-B", str(Path(start.__file__)), str(code.root), str(_OURS), str(folder)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED)}
    with (folder / SAID).open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - our own script, by the interpreter that runs now
            command, stdin=subprocess.PIPE, stdout=said, stderr=said, cwd=folder, env=environment
        )
        try:
            status = _wait(process, folder, stop, done)
        finally:
            _end(process)
    return None if status is None else _answer(code, folder, status)


def _wait(
    process: subprocess.Popen[bytes], folder: Path, stop: threading.Event, done: Callable[[int], None]
) -> int | None:
    while True:
        try:
            return process.wait(LOOK_EVERY_S)
        except subprocess.TimeoutExpired:
            if stop.is_set():
                return None
        try:
            done(int(read_json(folder / PROGRESS)["done"]))
        except (OSError, ValueError, KeyError):
            continue  # nothing said yet


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()  # it ends when this end is closed
    try:
        process.wait(_GOODBYE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _answer(code: Code, folder: Path, status: int) -> dict[str, Any]:
    try:
        answer = read_json(folder / ANSWER)
    except (OSError, json.JSONDecodeError):
        how = f"its process was killed by signal {-status}" if status < 0 else f"its process ended with {status}"
        raise OtherCodeFailed(f"{code} gave no answer: {how}{_last_words(folder)}") from None
    except ValueError as error:
        raise OtherCodeFailed(f"{code}: {error}") from None
    if "error" in answer:
        sentence = f"{code}: {safe_text(str(answer['error']), _MOST_SAID)}"
        if answer.get("status") == WRONG_USE:
            raise BadInput(sentence)
        raise OtherCodeFailed(sentence)
    return answer


def _last_words(folder: Path) -> str:
    """Return the last line that the process wrote, which is what a traceback ends with."""
    lines = [line for line in (folder / SAID).read_bytes().decode("utf-8", "replace").splitlines() if line.strip()]
    return f"; it said last: {safe_text(lines[-1].strip(), _MOST_SAID)}" if lines else ""
