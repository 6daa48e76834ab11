"""`hubbub doctor` and `hubbub check`: fine where all is well, one plain line where it is not."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.broker import Commit, Offset, StateRow, Stream, TopicPartition
from infra.sqlite.broker import SqliteBroker
from pipelines.catalog import SHIPPED
from pipelines.doctor.machine import available_memory
from schemas.catalog import TOPICS
from schemas.customer_messages import CUSTOMER_MESSAGES
from schemas.record import Append
from tests.tiny_text_bundle import write_tiny_text_bundle

Hubbub = Callable[..., Any]
Row = dict[str, str]


def findings(answer: Any, area: str = "", level: str = "") -> list[Row]:
    """Return the findings of an area and a level."""
    rows: list[Row] = [json.loads(line) for line in answer.lines]
    return [row for row in rows if area in ("", row["area"]) and level in ("", row["level"])]


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A broker with ten messages, of which the group `mine` has read four."""
    path = tmp_path / "hubbub.db"
    part = TopicPartition(CUSTOMER_MESSAGES.name, 3)
    with SqliteBroker(path) as broker:
        broker.create_topics(list(TOPICS.values()))
        broker.append([Append(part.topic, b"d", b"{}", partition=part.partition)] * 10)
        broker.append([Append("dead.letters", b"d", b"what", partition=0)] * 2)
        membership = broker.join("mine", None, [Stream((part,))])
        (stream,) = membership.owned()
        membership.commit(Commit(stream, {part: Offset(4)}, states=[StateRow("d", b"m")]))
    return path


def test_nothing_is_wrong_in_an_empty_folder(hubbub: Hubbub) -> None:
    answer = hubbub("doctor", "--json")
    assert answer.status == 0
    assert not findings(answer, level="wrong")
    assert {row["area"] for row in findings(answer)} >= {"machine", "memory", "python", "packages", "broker", "models"}
    assert not Path("hubbub.db").exists()


def test_it_says_how_far_each_group_is(hubbub: Hubbub, filled: Path) -> None:
    answer = hubbub("doctor", "--json")
    assert answer.status == 0
    assert findings(answer, "groups")[0]["sentence"] == "mine is behind by 6 of customer.messages"
    assert findings(answer, "dead letters")[0]["sentence"].startswith("2; ")
    assert f"holds {len(TOPICS)} topics" in findings(answer, "broker")[0]["sentence"]


def test_a_person_reads_one_line_a_finding(hubbub: Hubbub) -> None:
    answer = hubbub("doctor")
    assert answer.status == 0
    assert all(line.split()[0] in ("fine", "look", "wrong") for line in answer.lines)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda path: path.write_bytes(b"no database, but long enough to be looked at" * 50), "got something else"),
        (
            lambda path: sqlite3.connect(path).execute("CREATE TABLE t (x)").connection.close(),
            "another SQLite database",
        ),
    ],
)
def test_a_file_that_is_no_broker_is_wrong(
    hubbub: Hubbub, tmp_path: Path, write: Callable[[Path], object], said: str
) -> None:
    write(tmp_path / "hubbub.db")
    answer = hubbub("doctor", "--json")
    assert answer.status == 1
    assert said in findings(answer, "broker", "wrong")[0]["sentence"]


def test_a_format_of_another_release_is_wrong(hubbub: Hubbub, filled: Path) -> None:
    with sqlite3.connect(filled) as connection:
        connection.execute("UPDATE meta SET value = 99 WHERE name = 'format'")
    connection.close()
    answer = hubbub("doctor", "--json")
    assert answer.status == 1
    assert "has format 99" in findings(answer, "broker", "wrong")[0]["sentence"]


@pytest.mark.parametrize("url", ["kafka://localhost:9092", "postgres://somewhere", "sqlite:none/hubbub.db"])
def test_a_broker_that_cannot_be_is_wrong(hubbub: Hubbub, url: str) -> None:
    answer = hubbub("doctor", "--json", "--broker", url)
    assert answer.status == 1
    assert len(findings(answer, "broker", "wrong")) == 1


def test_a_changed_model_is_wrong(hubbub: Hubbub, tmp_path: Path) -> None:
    folder = write_tiny_text_bundle(tmp_path / "tiny-text")
    Path("hubbub.toml").write_text('[models]\ntext-enzh = "tiny-text"\n', encoding="utf-8")
    assert hubbub("check").status == 0
    with (folder / "tokenizer.json").open("ab") as file:
        file.write(b" ")
    for command in ("doctor", "check"):
        answer = hubbub(command, "--json")
        assert answer.status == 1
        assert "tokenizer.json has the sha256" in findings(answer, "models", "wrong")[0]["sentence"]


def test_check_builds_every_pipeline_and_runs_nothing(hubbub: Hubbub) -> None:
    answer = hubbub("check", "--json")
    assert answer.status == 0, answer.out
    built = [row["sentence"].removeprefix("Pipeline(").partition(":")[0] for row in findings(answer, "pipelines")]
    assert built == list(SHIPPED)
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[broker]\nurll = "x"\n', "did you mean 'url'?"),
        ("[job]\nlateness_s = -1\n", "job.lateness_s"),
        ("[broker\n", "expected TOML"),
        ('[broker]\nurl = "postgres://me:secret@somewhere"\n', "postgres://somewhere"),
        ('[models]\ntext-enzh = "nowhere"\n', "there is no such folder"),
    ],
)
def test_check_says_what_is_wrong_in_a_file(hubbub: Hubbub, text: str, said: str) -> None:
    Path("mine.toml").write_text(text, encoding="utf-8")
    answer = hubbub("check", "mine.toml", "--json")
    assert answer.status == 1
    assert said in answer.out
    assert "secret" not in answer.out


def test_check_reads_notify_toml_beside_the_settings(hubbub: Hubbub) -> None:
    receiver = '[route]\nreceiver = "team"\n[receivers.team]\nkind = "webhook"\nurl = "http://h.invalid"\nlanguage = '
    Path("notify.toml").write_text(receiver + '"zh"\n', encoding="utf-8")
    answer = hubbub("check", "--json")
    assert (answer.status, findings(answer, "notify")[0]["sentence"]) == (0, "notify.toml: 1 route to team (zh)")
    Path("notify.toml").write_text(receiver + '"chinese"\n', encoding="utf-8")
    answer = hubbub("check", "--json")
    assert answer.status == 1
    assert "receivers.team.language: expected one of en, zh" in findings(answer, "notify", "wrong")[0]["sentence"]


def test_check_of_no_file_is_wrong_use(hubbub: Hubbub) -> None:
    answer = hubbub("check", "none.toml")
    assert (answer.status, answer.err) == (2, "hubbub: expected a settings file at none.toml, got none\n")


def test_memory_is_what_the_container_leaves(tmp_path: Path) -> None:
    """The machine's free memory, or the container's limit less what it has taken, whichever is less."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9000 kB\nMemAvailable: 8000 kB\n", encoding="ascii")
    assert available_memory(tmp_path) == 8_192_000
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "memory.current").write_text("1000000\n", encoding="ascii")
    (group / "memory.max").write_text("3000000\n", encoding="ascii")
    assert available_memory(tmp_path) == 2_000_000
    (group / "memory.max").write_text("max\n", encoding="ascii")
    assert available_memory(tmp_path) == 8_192_000
    assert available_memory(tmp_path / "other") is None
