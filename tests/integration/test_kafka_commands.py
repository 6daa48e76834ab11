"""The commands that a person types, on a real Kafka: they say and do what they do on SQLite."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from kafka import KafkaAdminClient

from infra.broker import TopicPartition
from infra.broker_url import open_broker
from infra.kafka.broker import KafkaBroker
from infra.local.kafka import LocalKafka
from infra.settings import load_settings
from schemas.customer_messages import CUSTOMER_MESSAGES
from schemas.dead_letters import DEAD_LETTERS
from schemas.record import Append, Record
from tests.broker_subject import eventually
from tests.integration.conftest import Hubbub
from tests.patience import PATIENCE_S

MESSAGES = CUSTOMER_MESSAGES.name
PARTITIONS = CUSTOMER_MESSAGES.partitions
PROGRAM = [sys.executable, "-m", "pipelines.command_line"]


@pytest.fixture
def broker(
    hubbub: Hubbub, kafka: LocalKafka, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[KafkaBroker]:
    """What the commands work on, by their environment; without any topics."""
    environment = {"HUBBUB_BROKER_URL": f"kafka://{kafka.bootstrap}", "HUBBUB_KAFKA_TOPIC_PREFIX": topic_prefix}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(environment=environment, directory=Path())
    with open_broker(settings.broker, settings.kafka) as one:
        assert isinstance(one, KafkaBroker)
        yield one


def messages(path: Path, count: int) -> Path:
    rows = [
        {"device_id": f"d{n % 40}", "event_time": "2026-03-01T08:00:00Z", "text": f"message {n}"} for n in range(count)
    ]
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def kept(broker: KafkaBroker, topic: str = MESSAGES) -> list[Record]:
    """Return what a topic holds, each partition in its order."""
    records: list[Record] = []
    for number in range(broker.partitions(topic)):
        at = 0
        while found := broker.read(TopicPartition(topic, number), at, max_records=5000, max_bytes=1 << 22):
            records += found
            at = found[-1].offset + 1
    return records


def written(broker: KafkaBroker) -> int:
    """Return where all partitions end, which is quickly asked: the file is written in seconds."""
    return sum(broker.ends([MESSAGES]).values()) if MESSAGES in broker.topics() else 0


def numbers(records: list[Record]) -> list[int]:
    return [int(orjson.loads(record.value or b"")["text"].split()[1]) for record in records]


def killed_while_writing(path: Path, broker: KafkaBroker, after_s: float) -> bool:
    """Produce a file in a process that is killed a moment after something of it can be read; False if it was done."""
    before = written(broker)
    with subprocess.Popen([*PROGRAM, "produce", MESSAGES, str(path)], stdout=subprocess.PIPE) as process:

        def begun() -> bool:
            return process.poll() is not None or written(broker) > before

        assert eventually(begun)
        time.sleep(after_s)
        process.kill()
        assert process.stdout is not None
        return not process.stdout.read()


def test_topics_are_made_by_the_command_and_by_no_surprise(hubbub: Hubbub, broker: KafkaBroker) -> None:
    answer = hubbub("run", "messages", "--until-end")
    assert answer.status == 2
    assert "`hubbub topics create " in answer.err
    assert MESSAGES in answer.err
    assert broker.topics() == {}
    assert hubbub("topics", "create", MESSAGES, "alerts").out.startswith("2 created: customer.messages, alerts;")
    assert hubbub("topics", "create", MESSAGES).out == "0 created; 1 existed\n"
    listed = {row["topic"]: row["partitions"] for row in map(orjson.loads, hubbub("topics", "list", "--json").lines)}
    assert (listed[MESSAGES], listed["alerts"], listed["alarms"]) == (8, 8, None)


def test_a_file_is_written_once(hubbub: Hubbub, broker: KafkaBroker, tmp_path: Path) -> None:
    path = messages(tmp_path / "m.jsonl", 500)
    assert hubbub("produce", MESSAGES, path).out == "500 rows written to customer.messages\n"
    assert hubbub("produce", MESSAGES, path).out == "0 rows written to customer.messages; 500 had been written before\n"
    assert sorted(numbers(kept(broker))) == list(range(500))


def test_killed_in_the_middle_it_goes_on_and_nothing_is_lost_or_doubled(
    hubbub: Hubbub, broker: KafkaBroker, tmp_path: Path
) -> None:
    count, seed = 30_000, random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    path = messages(tmp_path / "m.jsonl", count)
    killed = sum(killed_while_writing(path, broker, chance.uniform(0, 0.05)) for _ in range(3))
    print(f"killed {killed} times before it was done")
    assert hubbub("produce", MESSAGES, path).status == 0
    records = kept(broker)
    assert sorted(numbers(records)) == list(range(count))
    ids = {dict(record.headers)["ce_hubbubid"] for record in records}
    assert len(ids) == count


def test_the_order_of_a_device_s_rows_is_that_of_the_file(hubbub: Hubbub, broker: KafkaBroker, tmp_path: Path) -> None:
    hubbub("produce", MESSAGES, messages(tmp_path / "m.jsonl", 300))
    by_device: dict[bytes | None, list[int]] = {}
    for record in kept(broker):
        by_device.setdefault(record.key, []).extend(numbers([record]))
    assert len(by_device) == 40
    assert all(found == sorted(found) for found in by_device.values())


def test_a_follower_hears_what_comes(hubbub: Hubbub, broker: KafkaBroker, tmp_path: Path) -> None:
    broker.create_topics([CUSTOMER_MESSAGES])
    command = [*PROGRAM, "subscribe", MESSAGES, "--follow", "--from-beginning", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as follower:
        assert follower.stdout is not None
        heard: list[str] = []
        for count in (3, 5):  # what lies there, and what comes while it follows
            hubbub("produce", MESSAGES, messages(tmp_path / f"{count}.jsonl", count))
            heard += [orjson.loads(follower.stdout.readline())["text"] for _ in range(count)]
        assert sorted(heard) == sorted(f"message {n}" for count in (3, 5) for n in range(count))
        follower.terminate()
        assert follower.wait(PATIENCE_S) == 0


def test_a_listing_holds_everything_in_the_order_of_arrival(
    hubbub: Hubbub, broker: KafkaBroker, tmp_path: Path
) -> None:
    for count in (20, 30):
        hubbub("produce", MESSAGES, messages(tmp_path / f"{count}.jsonl", count))
    lines = [orjson.loads(line) for line in hubbub("subscribe", MESSAGES, "--json").lines]
    assert len(lines) == 50
    assert {line["text"] for line in lines[:20]} == {f"message {n}" for n in range(20)}


def test_dead_letters_are_listed_shown_and_sent_again_once(hubbub: Hubbub, broker: KafkaBroker) -> None:
    broker.create_topics([CUSTOMER_MESSAGES, DEAD_LETTERS])
    headers = {
        "dlq.id": "1f", "dlq.reason": "bad_json", "__connect.errors.topic": MESSAGES,
        "__connect.errors.stage": "DECODE", "__connect.errors.partition": "3", "__connect.errors.offset": "0",
    }  # fmt: skip
    packed = tuple((name, value.encode()) for name, value in headers.items())
    broker.append([Append(DEAD_LETTERS.name, b"d1", b'{"text": 1}', packed)])
    assert "bad_json" in hubbub("dead-letters", "list").out
    assert '{"text": 1}' in hubbub("dead-letters", "show", "1f").out
    for sent in ("1", "0"):
        answer = hubbub("dead-letters", "replay", "1f", "--yes")
        assert (answer.status, answer.out.split()[0]) == (0, sent), answer
    [again] = kept(broker)
    assert (again.key, again.value) == (b"d1", b'{"text": 1}')


def test_doctor_says_what_waits_and_for_whom(hubbub: Hubbub, broker: KafkaBroker, tmp_path: Path) -> None:
    answer = hubbub("doctor")
    assert "not there yet: all topics; `hubbub topics create` makes them" in answer.out
    hubbub("topics", "create")
    hubbub("produce", MESSAGES, messages(tmp_path / "m.jsonl", 100))
    assert hubbub("run", "messages", "--until-end").status == 0
    assert "hubbub-messages has read everything" in hubbub("doctor").out
    hubbub("produce", MESSAGES, messages(tmp_path / "more.jsonl", 110))
    answer = hubbub("doctor")
    assert answer.status == 0
    assert "hubbub-messages is behind by " in answer.out
    assert "of customer.messages" in answer.out


def test_a_cluster_that_is_away_is_an_outage(hubbub: Hubbub) -> None:
    url = "kafka://127.0.0.1:1"
    for command in (["topics", "create"], ["subscribe", "alerts"], ["run", "messages"]):
        answer = hubbub(*command, "--broker", url)
        assert (answer.status, answer.out) == (3, "")
        assert answer.err.startswith(f"hubbub: nobody answers at {url} (127.0.0.1:1: Connection refused)"), answer.err
    answer = hubbub("doctor", "--broker", url)
    assert answer.status == 1
    assert f"nobody answers at {url}" in answer.out


def test_a_topic_of_other_partitions_is_named(
    hubbub: Hubbub, broker: KafkaBroker, kafka: LocalKafka, topic_prefix: str
) -> None:
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.create_topics({f"{topic_prefix}{MESSAGES}": {"num_partitions": 3}})
    admin.close()
    assert eventually(lambda: broker.topics().get(MESSAGES) == 3)
    for command in (["run", "messages", "--until-end"], ["topics", "create"]):
        answer = hubbub(*command)
        assert answer.status == 2
        assert f"topic {MESSAGES} has 3 partitions" in answer.err
        assert "expected 8" in answer.err
