"""Records of a hostile producer, through every engine: nothing is executed (S4), no bomb goes off (R29), rows go on."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from infra.broker import TopicPartition
from infra.kafka.bounded_codec import ZSTD
from infra.kafka.broker import KafkaBroker
from infra.kafka.connection import KafkaConnection
from infra.kafka.settings import KafkaSection
from infra.local.kafka import LocalKafka
from pipelines.engines.graph import topics_of
from schemas.record import Append, Record
from tests.broker_subject import eventually
from tests.jobs.counting import COUNTS
from tests.kafka_bombs import bomb_batch, send_batch
from tests.patience import ANSWER_S
from tests.peak_memory import waited_for

MIB = 1 << 20
ROOT = Path(__file__).parents[2]


class Marker:
    """Whoever unpickles one makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]


def everything(broker: KafkaBroker, topic: str) -> list[Record]:
    parts = [TopicPartition(topic, number) for number in range(8)]
    return [one for part in parts for one in broker.read(part, 0, max_records=1000, max_bytes=MIB)]


@pytest.mark.parametrize("engine", ["embedded", "faust", "beam"])
def test_nothing_is_executed_and_no_bomb_goes_off(
    kafka: LocalKafka, topic_prefix: str, tmp_path: Path, engine: str
) -> None:
    marker = tmp_path / "executed"
    assert pickle.loads(pickle.dumps(Marker(tmp_path / "try"))) is None and (tmp_path / "try").exists()
    hostile = [pickle.dumps(Marker(marker), protocol=number) for number in (0, 2, 5)]
    good = b'{"message": "hello"}'
    url = f"kafka://{kafka.bootstrap}"
    section = KafkaSection(topic_prefix=topic_prefix, request_timeout_s=ANSWER_S)
    with KafkaBroker(KafkaConnection.of(url, section)) as broker:
        broker.create_topics(topics_of([COUNTS]))
        broker.append([Append("device.logs", b"d", value) for value in (good, *hostile)])
        broker.append([Append("device.logs", b"d", good, (("ce_id", hostile[0]), ("pickle", hostile[2])))])
        for number in range(2):
            send_batch(kafka.bootstrap, f"{topic_prefix}device.logs", number, bomb_batch(ZSTD, records=1024))
        broker.append([Append("device.logs", b"d", good)])

        command = [sys.executable, "-m", "pipelines.command_line", "run", "tests.jobs.counting:COUNTS"]
        command += ["--until-end", "--engine", engine, "--broker", url]
        variables = {"HUBBUB_KAFKA_TOPIC_PREFIX": topic_prefix, "PYTHONPATH": str(ROOT)}
        with (tmp_path / "said").open("w") as said:
            job = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, **variables}, stdout=said, stderr=said)
            most_mib = waited_for(job)
        assert job.returncode == 0, (tmp_path / "said").read_text()

        assert eventually(lambda: broker.settled(["dead.letters", "test.numbered"]))
        reasons = Counter(dict(one.headers)["dlq.reason"].decode() for one in everything(broker, "dead.letters"))
        outputs = len(everything(broker, "test.numbered"))
    assert not marker.exists()
    assert reasons["bomb"] == 2
    assert outputs + reasons.total() == 8
    assert set(reasons) <= {"bomb", "bad_json", "bad_utf8", "schema"}
    assert most_mib < 512
