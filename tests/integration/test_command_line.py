"""The command line as a whole: help that fits a screen, quick starts, one sentence an error, exit statuses, signals."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from pipelines.command_line import COMMANDS, cli
from tests.patience import PATIENCE_S

Hubbub = Callable[..., Any]
PROGRAM = [sys.executable, "-m", "pipelines.command_line"]


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group, info_name=" ".join(path))
    for name in group.list_commands(context):
        if group is cli and importlib.util.find_spec(COMMANDS[name].target.partition(":")[0]) is None:
            continue  # test_every_command_is_there says so
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = [(), *(path for path, _ in commands(cli))]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there(name: str) -> None:
    assert isinstance(cli.get_command(click.Context(cli), name), click.Command)


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_fits_a_screen_and_ends_with_an_example(hubbub: Hubbub, path: tuple[str, ...]) -> None:
    answer = hubbub(*path, "--help")
    assert answer.status == 0
    assert len(answer.lines) <= 40
    assert max(map(len, answer.lines)) <= 100
    assert re.match(rf" *Example: .*\bhubbub( {path[0]})?" if path else " *Example: hubbub", answer.lines[-1])


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom pipelines.command_line import run\nassert run(['--help']) == 0\n"
        "heavy = {'pyarrow', 'numpy', 'onnxruntime', 'tokenizers', 'kafka', 'rich', 'plotly', 'msgspec'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_console_script_is_installed_and_says_its_version() -> None:
    script = Path(sys.executable).with_name("hubbub")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"hubbub \d+\.\d+\.\d+\n", done.stdout)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["produec"], "got 'produec'; did you mean `hubbub produce`"),
        (["nothing-like-it"], "expected one of the commands demo, run,"),
        (["subscribe", "--folow"], "--follow"),
        (["subscribe", "--since", "yesterday", "--broker", "sqlite:x.db"], "expected a time like 2026-03-01T08:00:00Z"),
        (["subscribe"], "there is no broker file hubbub.db yet; `hubbub demo` or `hubbub produce` makes one"),
        (["alerts", "explain", "log_novl"], "expected one of the rules message_urgent, "),
        (["topics", "describe", "nothing"], "expected one of the topics"),
        (["topics", "list", "--config", "none.toml"], "expected a settings file at none.toml"),
        (["topics", "list", "--broker", "hubbub.db"], "did you mean sqlite:hubbub.db?"),
        (["topics", "create", "--broker", "sqlite:text.db"], "expected a hubbub broker file at text.db"),
        (["topics", "create", "--broker", "sqlite:other.db"], "got another SQLite database"),
    ],
)
def test_wrong_use_is_one_sentence_and_status_2(
    hubbub: Hubbub, tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "text.db").write_text("this is no database, however long it is made to be")
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE t (x)")
    other.close()
    answer = hubbub(*arguments)
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err
    assert len(answer.err.splitlines()) == 1


def test_an_outage_is_status_3(hubbub: Hubbub) -> None:
    answer = hubbub("topics", "create", "--broker", "sqlite:no/such/folder/x.db")
    assert (answer.status, "cannot be opened" in answer.err, len(answer.err.splitlines())) == (3, True, 1)


def test_a_full_device_is_status_3(hubbub: Hubbub, tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text('{"device_id": "d", "text": "x"}\n' * 2000)
    limited = ["bash", "-c", 'ulimit -f 40; exec "$@"', "bash", *PROGRAM, "produce", "customer.messages", "m.jsonl"]
    # A file that may not grow is what a full disk is to SQLite; the signal that comes with it Python ignores.
    done = subprocess.run(limited, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert "nothing was half written" in done.stderr


def test_an_error_quotes_no_control_characters(hubbub: Hubbub) -> None:
    answer = hubbub("subscribe", "\x1b[31mred\nline", "--broker", "sqlite:x.db", "--follow")
    assert answer.status == 2
    assert "\x1b" not in answer.err
    assert len(answer.err.splitlines()) == 1


def test_debugging_shows_where_an_error_came_from(hubbub: Hubbub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBBUB_DEBUG", "1")
    with pytest.raises(ValueError, match="did you mean"):
        hubbub("topics", "list", "--broker", "hubbub.db")


def test_a_reader_that_goes_away_ends_it_quietly(hubbub: Hubbub, tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text("".join(f'{{"device_id": "d", "text": "hello {i}"}}\n' for i in range(20_000)))
    hubbub("produce", "customer.messages", "m.jsonl")
    with subprocess.Popen(
        [*PROGRAM, "subscribe", "customer.messages"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert b"hello" in process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        assert (process.wait(PATIENCE_S), process.stderr.read()) == (0, b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_following_ends_cleanly(hubbub: Hubbub, number: signal.Signals) -> None:
    assert hubbub("topics", "create", "alerts").status == 0
    with subprocess.Popen(
        [*PROGRAM, "subscribe", "--follow"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        until_it_sleeps(process.pid)
        process.send_signal(number)
        assert process.communicate(timeout=PATIENCE_S) == (b"", b"")
        assert process.returncode == 0


def until_it_sleeps(pid: int) -> None:
    """Wait until a process handles SIGINT itself."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        caught = re.search(r"SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text())
        # Python itself catches SIGINT from the start; only the command catches SIGTERM as well.
        if caught and int(caught[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.02)
    raise AssertionError(f"process {pid} never came to catch signals")


def test_an_interrupted_command_with_nothing_to_finish_is_status_130(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines import command_line

    def interrupted(*arguments: object, **named: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)

    monkeypatch.setattr("pipelines.commands.topics._description", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # an earlier test's command may have its own
    try:
        assert command_line.run(["topics", "describe"]) == 130
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_bug_says_that_it_is_one(hubbub: Hubbub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.commands.topics._description", lambda topic: 1 // 0)
    answer = hubbub("topics", "describe")
    assert answer.status == 3
    assert answer.err.startswith("hubbub: this is a bug: ZeroDivisionError")
