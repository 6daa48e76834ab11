"""`hubbub console` as a process of its own: the token that it makes up, the live stream, its end, what it refuses."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import SplitResult, urlencode, urlsplit

from infra.sqlite.broker import SqliteBroker
from schemas.alerts import ALERTS
from schemas.answers import CUSTOMER_MESSAGES_ENRICHED
from tests.console_world import alert, appended, at, make_world
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
# The command, and at its end the threads that it leaves to be cut off wherever they are.
SAYS_WHAT_IT_LEAVES = """
import atexit, sys, threading
atexit.register(lambda: [print("left:", one.name, file=sys.stderr) for one in threading.enumerate() if one.daemon])
from pipelines.command_line import main
sys.exit(main())
"""
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


@contextmanager
def running(folder: Path) -> Iterator[tuple[subprocess.Popen[str], SplitResult, http.client.HTTPConnection, str]]:
    """Give a console over the folder's broker, its address, a connection to it and the cookie of who is logged in."""
    arguments = [sys.executable, "-c", SAYS_WHAT_IT_LEAVES, "console", "--port", "0"]
    with subprocess.Popen(arguments, cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True) as process:
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
        yield process, url, connection, str(answer.getheader("set-cookie")).partition(";")[0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr.read() == ""


def test_it_makes_up_a_token_tells_changes_and_ends_in_order(tmp_path: Path) -> None:
    with running(tmp_path) as (_, url, connection, cookie):
        assert cookie.startswith(f"hubbub_session_{url.port}="), "consoles on one machine do not log each other out"
        connection.request("GET", "/live", headers={"Cookie": cookie})
        stream = connection.getresponse()
        assert stream.getheader("content-type", "").startswith("text/event-stream")
        line_that_begins(stream, b"event: hello")
        with SqliteBroker(tmp_path / "hubbub.db") as broker:
            broker.append([appended(ALERTS.name, "f-1", alert("1"))])
        line_that_begins(stream, b"event: changed")
        assert line_that_begins(stream, b"data:") == b"data: alerts"


def test_it_ends_in_order_while_models_are_looked_at(tmp_path: Path) -> None:
    """A process that ends while a daemon thread of it is in ONNX Runtime is aborted, status 134."""
    make_world(tmp_path / "hubbub.db")
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        # Of the texts of one event in sixteen the tokens are counted, which needs the model itself.
        broker.append([appended(CUSTOMER_MESSAGES_ENRICHED.name, f"d-{n}", _message(n)) for n in range(200)])
    with running(tmp_path) as (_, _, connection, cookie):
        connection.request("GET", "/drift", headers={"Cookie": cookie})
        answer = connection.getresponse()
        assert b"Looking" in answer.read()


def _message(number: int) -> dict[str, object]:
    answers = {"input": {"event_id": f"e-{number}"}, "late": False}
    return {
        "device_id": f"d-{number}",
        "event_time": at(5),
        "text": f"it is broken, number {number}",
        "hubbub": answers,
    }


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
