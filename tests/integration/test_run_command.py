"""`hubbub run`: a user's own pipeline to the end of its input, a graceful stop, and going on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.broker import TopicPartition
from infra.sqlite.broker import SqliteBroker
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append
from tests.broker_subject import eventually
from tests.patience import PATIENCE_S

Hubbub = Callable[..., Any]
PROGRAM = [sys.executable, "-m", "pipelines.command_line"]
PIPELINES = """
from pipelines.pipeline import Pipeline
from schemas.device_logs import DEVICE_LOGS
from schemas.topic import Topic

COPIES = Topic("copies", DEVICE_LOGS.schema, "copies")
AGAIN = Topic("again", DEVICE_LOGS.schema, "copies of copies")
COPY = Pipeline("copy", [DEVICE_LOGS], [], [COPIES])
NUMBER = 7

def copy_again() -> Pipeline:
    return Pipeline("copy-again", [COPIES], [], [AGAIN])

LAST = Topic("last", DEVICE_LOGS.schema, "copies of copies of copies")
COPY_LAST = Pipeline("copy-last", [AGAIN], [], [LAST])
"""


@pytest.fixture
def lines(hubbub: Hubbub, tmp_path: Path) -> None:
    """Write 300 good log lines and two records that are no events, and a module with pipelines."""
    (tmp_path / "mine.py").write_text(PIPELINES)
    with SqliteBroker("hubbub.db") as broker:
        broker.create_topics([DEVICE_LOGS])
        rows = [(f"d{i % 5}", json.dumps({"device_id": f"d{i % 5}", "message": f"line {i}"})) for i in range(300)]
        good = [Append(DEVICE_LOGS.name, key.encode(), value.encode()) for key, value in rows]
        broker.append([*good, Append(DEVICE_LOGS.name, None, b"nope"), Append(DEVICE_LOGS.name, None, b"[]")])


def count(topic: str) -> int:
    with SqliteBroker("hubbub.db") as broker:
        partitions = broker.topics().get(topic, 0)
        return sum(broker.bounds(TopicPartition(topic, number))[1] for number in range(partitions))


def test_to_the_end_and_no_further(hubbub: Hubbub, lines: None) -> None:
    command = ("run", "mine:COPY", "mine:copy_again", "--until-end")
    answer = hubbub(*command, "--json", stdin=b"")
    assert answer.status == 0, answer.err
    summary = json.loads(answer.out)
    assert (summary["events"], summary["alerts"], summary["dead_letters"]) == (302, 0, 2)
    assert (count("copies"), count("again"), count("dead.letters")) == (300, 300, 2)
    answer = hubbub(*command, stdin=b"")
    assert answer.out.startswith("0 events, 0 alert changes, 0 dead letters in ")
    assert count("copies") == 300


def test_a_chain_is_waited_for_from_its_beginning_on(hubbub: Hubbub, lines: None) -> None:
    answer = hubbub("run", "mine:COPY_LAST", "mine:copy_again", "mine:COPY", "--until-end", stdin=b"")
    assert answer.status == 0, answer.err
    assert count("last") == 300


def test_another_group_begins_at_the_beginning(hubbub: Hubbub, lines: None) -> None:
    for group in ("one", "two"):
        assert hubbub("run", "mine:COPY", "--until-end", "--group", group, stdin=b"").status == 0
    assert count("copies") == 600


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_is_graceful_and_says_where_it_goes_on(hubbub: Hubbub, lines: None, number: signal.Signals) -> None:
    with subprocess.Popen(
        [*PROGRAM, "run", "mine:COPY"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        # The dead letters may be of the partition that is worked through last.
        assert eventually(lambda: (count("copies"), count("dead.letters")) == (300, 2) or process.poll() is not None)
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    assert err == "hubbub: stopped; the next run of group hubbub goes on there: copy 302 of 302\n"
    assert out.startswith("302 events, 0 alert changes, 2 dead letters in ")
    assert json.loads(hubbub("run", "mine:COPY", "--until-end", "--json", stdin=b"").out)["events"] == 0


def test_a_held_instance_is_an_outage(hubbub: Hubbub, lines: None) -> None:
    from infra.instance_slot import InstanceSlot

    slot = InstanceSlot.take(Path("hubbub.db"), "a")
    try:
        answer = hubbub("run", "mine:COPY", "--instance", "a", "--until-end", stdin=b"")
    finally:
        slot.free()
    assert (answer.status, "instance 'a' of hubbub.db is running already" in answer.err) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "expected one of the pipelines logs, messages, alarms, telemetry, alerts"),
        (["nowhere:COPY"], "cannot import 'nowhere'"),
        (["mine:NOTHING"], "module mine has no 'NOTHING'"),
        (["mine:NUMBER"], "expected mine:NUMBER to be a Pipeline"),
        (["mine:COPY", "--engine", "faust"], "--engine faust needs a broker kafka:"),
        (["mine:COPY", "--engine", "storm"], "'storm' is not one of"),
        (["mine:COPY", "--broker", "kafka://h:1"], "expected SSL or SASL_SSL for h"),
    ],
)
def test_wrong_use_is_one_sentence_and_status_2(hubbub: Hubbub, lines: None, arguments: list[str], said: str) -> None:
    answer = hubbub("run", *arguments, stdin=b"")
    assert (answer.status, answer.out) == (2, ""), answer.err
    assert said in answer.err
    assert len(answer.err.splitlines()) == 1
