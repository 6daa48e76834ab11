"""`hubbub demo --quick` as a person runs it: the real pipelines, the real models, into a pipe."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.broker import TopicPartition
from infra.sqlite.broker import SqliteBroker
from pipelines.replay.incidents import read_incidents
from schemas.catalog import ENRICHED, INPUTS
from schemas.topic import Topic
from tests.patience import PATIENCE_S


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """The folder that the demo was run in, and what it wrote to stdout and stderr."""
    folder = tmp_path_factory.mktemp("demo")
    ended = _run(folder, "demo", "--quick")
    assert ended.returncode == 0, ended.stderr
    return folder, ended.stdout, ended.stderr


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "pipelines.command_line", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def _count(broker: SqliteBroker, topic: Topic) -> int:
    return sum(broker.bounds(TopicPartition(topic.name, number))[1] for number in range(topic.partitions))


def test_most_of_what_was_planted_is_found(shown: tuple[Path, str, str]) -> None:
    found = re.search(r"Found (\d+) of (\d+)", shown[1])
    assert found, shown[1]
    assert int(found[2]) == 5
    assert int(found[1]) >= 4


def test_alerts_come_with_their_evidence(shown: tuple[Path, str, str]) -> None:
    """A customer is quoted, with what counted in the sentence."""
    quoted = r"● (critical|major) +\S+ +“.*\n +message: .*urgency (critical|high) 0\.\d\d · because of \S+"
    assert re.search(quoted, shown[1]), shown[1]


def test_the_end_says_what_was_planted_how_it_counts_and_how_to_go_on(shown: tuple[Path, str, str]) -> None:
    out = shown[1]
    for expected in (
        "compressor fails",
        "uplink lost",
        "defrosts",
        "Found: while it lasts",
        "a second",
        "To go on:",
    ):
        assert expected in out
    assert len(re.findall(r"^  hubbub \w+ --broker sqlite:hubbub-demo.db", out, re.MULTILINE)) == 4


def test_the_end_says_what_belongs_together(shown: tuple[Path, str, str]) -> None:
    """Five things go wrong; what the alerts come to are about as many incidents, the uplink's with its cause."""
    told = re.search(
        r"^(\d+) incidents are what (\d+) of the alerts, pending ones too, come to$", shown[1], re.MULTILINE
    )
    assert told, shown[1]
    assert 5 <= int(told[1]) <= 8
    assert int(told[2]) > 2 * int(told[1])
    assert re.search(r"^0[89]:\d\d +critical +router-1 +\d", shown[1], re.MULTILINE), shown[1]


def test_a_pipe_gets_plain_lines_and_stderr_stays_silent(shown: tuple[Path, str, str]) -> None:
    _, out, err = shown
    assert "\x1b" not in out
    assert "\r" not in out
    assert err == ""


def test_everything_is_kept_and_understood(shown: tuple[Path, str, str]) -> None:
    with SqliteBroker(shown[0] / "hubbub-demo.db") as broker:
        counts = [
            (_count(broker, topic), _count(broker, enriched)) for topic, enriched in zip(INPUTS, ENRICHED, strict=True)
        ]
    assert all(said == understood for said, understood in counts)
    assert 3600 <= sum(said for said, _ in counts) <= 4400


def test_the_commands_to_go_on_with_work(shown: tuple[Path, str, str]) -> None:
    """What belongs together, what is open, how a device went, and the same day again: the same alerts, so status 0."""
    folder, out, _ = shown
    offered = re.findall(r"^  hubbub (.*)$", out, re.MULTILINE)
    assert [command.split()[0] for command in offered] == ["incidents", "alerts", "subscribe", "run", "replay"]
    for command in offered:
        ended = _run(folder, *command.split())
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "freezer-2" in ended.stdout or not command.startswith("subscribe")
    assert (folder / "report" / "report.html").stat().st_size > 100_000


def test_the_truth_is_kept_for_replay(shown: tuple[Path, str, str]) -> None:
    kinds = {incident.kind for incident in read_incidents(shown[0] / "hubbub-demo-truth.jsonl")}
    assert len(kinds) == 5
    assert "defrost" not in kinds


def test_a_file_in_use_is_not_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "hubbub-demo.db"
    with SqliteBroker(path) as broker:
        broker.create_topics(INPUTS)
        broker.join("somebody", None, ())
        ended = _run(tmp_path, "demo", "--quick")
    assert ended.returncode == 2
    assert "hubbub: a job is using hubbub-demo.db just now" in ended.stderr
    assert path.exists()


def test_an_interrupt_stops_and_says_where_it_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipelines.command_line", "demo", "--quick"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUTF8": "1"}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if "●" in line:
                break
        process.send_signal(signal.SIGINT)
        out = process.stdout.read()
        assert process.wait(PATIENCE_S) == 130
    assert "Stopped." in out
    assert "`hubbub run --broker sqlite:hubbub-demo.db`" in out
