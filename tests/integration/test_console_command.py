"""`hubbub console` as a process of its own: the token that it makes up, the live stream, its end, what it refuses."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from infra.sqlite.broker import SqliteBroker
from schemas.alerts import ALERTS
from tests.console_world import alert, appended
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pipelines.command_line", "console", *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "HUBBUB_JOB_POLL_S": "0.05"}


def line_that_begins(stream: http.client.HTTPResponse, beginning: bytes) -> bytes:
    """Read a stream until such a line comes; the connection's timeout ends a wait in vain."""
    while True:
        line = stream.readline()
        assert line, "the stream has ended"
        if line.startswith(beginning):
            return line.strip()


def test_it_makes_up_a_token_tells_changes_and_ends_in_order(tmp_path: Path) -> None:
    arguments = command("--port", "0")
    with subprocess.Popen(arguments, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("the console is at http://127.0.0.1:")
        said = process.stderr.readline()
        assert said.startswith("log in by http://127.0.0.1:")
        url = urlsplit(said.split()[-1])
        token = url.fragment.removeprefix("token=")
        assert len(token) == 32
        connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=PATIENCE_S)
        connection.request("POST", "/login", urlencode({"token": token, "name": "ann"}), FORM)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 303
        cookie = str(answer.getheader("set-cookie")).partition(";")[0]
        assert cookie.startswith(f"hubbub_session_{url.port}="), "consoles on one machine do not log each other out"
        connection.request("GET", "/live", headers={"Cookie": cookie})
        stream = connection.getresponse()
        assert stream.getheader("content-type", "").startswith("text/event-stream")
        line_that_begins(stream, b"event: hello")
        with SqliteBroker(tmp_path / "hubbub.db") as broker:
            broker.append([appended(ALERTS.name, "f-1", alert("1"))])
        line_that_begins(stream, b"event: changed")
        assert line_that_begins(stream, b"data:") == b"data: alerts"
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        assert "Traceback" not in process.stderr.read()


def test_others_are_served_only_with_a_token(tmp_path: Path) -> None:
    for arguments, variables, said in (
        (["--host", "0.0.0.0"], {}, "expected a token in HUBBUB_CONSOLE_TOKEN or in the file that console.token_file"),
        ([], {"HUBBUB_CONSOLE_TOKEN": "short"}, "expected a token of at least 16 characters"),
    ):
        done = subprocess.run(
            command("--port", "0", *arguments),
            cwd=tmp_path,
            env={**environment(), **variables},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 2
        assert said in done.stderr
