"""Parts of the Beam engine that need no Beam: elements as bytes, errors as they were, clusters that are refused."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from infra.broker import Offset, StateRow, Stream, TopicPartition
from infra.local.flink import latest_state
from pipelines.engines.beam.cluster import Cluster, WrongCluster
from pipelines.engines.beam.elements import Portion, Run, StreamEnd, StreamRange, Written
from pipelines.engines.beam.errors import BeamFailed, original_error
from pipelines.engines.dead_letter import Failure
from pipelines.engines.element_bytes import (
    end_of_bytes,
    end_to_bytes,
    portion_of_bytes,
    portion_to_bytes,
    range_of_bytes,
    range_to_bytes,
    written_of_bytes,
    written_to_bytes,
)
from pipelines.engines.isolation import OperatorFailed
from pipelines.engines.work import Refusal
from schemas.record import Append, Record

PART = TopicPartition("device.logs", 3)
STREAM = Stream((PART,))
BATCH = pa.RecordBatch.from_pydict({"text": ["a", None], "number": [1, 2]})
APPENDS = [Append("alerts", b"k", None, (("name", b"\xff"),), 2), Append("alerts", None, b"v")]
ROWS = [StateRow("d1", b"\x00\xff", 5, None), StateRow("d2", None)]


def test_a_portion_survives_as_bytes() -> None:
    records = [Record(7, 1, b"k", b"\xff{", (("h", b"\x00"),)), Record(9, 2, None, None)]
    portion = Portion(
        pipeline="logs",
        stream=STREAM,
        before=(("device.logs", 3, 7, "note"),),
        offsets={PART: Offset(10, "other")},
        runs=[Run(PART, BATCH, records, None)],
        refused=[Refusal(PART, records[1], Failure("DECODE", "bad_json", "expected JSON"))],
        watermark_us=-5,
        extra=APPENDS,
        memory=ROWS,
        last=True,
    )
    again = portion_of_bytes(portion_to_bytes(portion))
    assert again == portion


def test_the_other_elements_survive_as_bytes() -> None:
    range_ = StreamRange("logs", STREAM, {PART: Offset(3, "n")}, {PART: 9}, ROWS, {PART: [(1, 2), (3, 4)]})
    assert range_of_bytes(range_to_bytes(range_)) == range_
    assert range_.length == 6
    end = StreamEnd("logs", STREAM, (), {PART: Offset(3, "n")}, ROWS)
    assert end_of_bytes(end_to_bytes(end)) == end
    assert written_of_bytes(written_to_bytes(Written(APPENDS))) == Written(APPENDS)


def test_equal_elements_have_equal_bytes() -> None:
    """Beam calls that deterministic, and groups by it."""
    one = StreamEnd("logs", STREAM, (), {PART: Offset(3)}, ROWS)
    assert end_to_bytes(one) == end_to_bytes(end_of_bytes(end_to_bytes(one)))


TRACEBACK = """Error processing instruction 7. Original traceback is
Traceback (most recent call last):
  File "common.py", line 1, in process
pipelines.engines.isolation.OperatorFailed: pipeline copy: fragile raised ValueError: no, on 3 rows

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
{last}"""


def test_a_worker_s_error_is_what_it_was() -> None:
    last = "pipelines.engines.isolation.OperatorFailed: pipeline copy: fragile raised [while running 'work-9']"
    found = original_error(RuntimeError(TRACEBACK.format(last=last)))
    assert isinstance(found, OperatorFailed)
    assert str(found) == "pipeline copy: fragile raised"


def test_a_strange_error_keeps_its_last_line() -> None:
    text = "Traceback (most recent call last):\n  File\nzipfile.BadZipFile: not a zip [while running 'read']\n"
    found = original_error(RuntimeError(text))
    assert isinstance(found, BeamFailed) and str(found) == "zipfile.BadZipFile: not a zip"
    other = KeyError("x")
    assert original_error(other) is other


@pytest.mark.parametrize(
    ("runner", "said", "options"),
    [
        ("FlinkRunner", "expected checkpoints, got none", {"checkpoint_s": 0.0}),
        ("FlinkRunner", "expected checkpoints, got none", {"options": {"checkpointing_interval": "-1"}}),
        ("PortableRunner", "needs the address of a job server", {}),
        ("FlinkRunner", "must know how its machines start Python workers", {"master": "flink.example:8081"}),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(runner: str, said: str, options: dict[str, object]) -> None:
    with pytest.raises(WrongCluster, match=said):
        Cluster(runner, **options)  # type: ignore[arg-type]


def test_clusters_that_can_be() -> None:
    Cluster("FlinkRunner")
    Cluster("FlinkRunner", master="localhost:8081")
    Cluster("FlinkRunner", master="flink.example:8081", options={"environment_type": "DOCKER"})
    Cluster("PortableRunner", options={"job_endpoint": "localhost:8099"})


def test_the_newest_state_is_found(tmp_path: Path) -> None:
    assert latest_state(tmp_path) is None
    for name in ("savepoints/savepoint-1", "checkpoints/ab/chk-7", "checkpoints/ab/chk-8"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "savepoints/savepoint-1/_metadata").touch()
    assert latest_state(tmp_path) == f"file://{tmp_path}/savepoints/savepoint-1"
    (tmp_path / "checkpoints/ab/chk-7/_metadata").touch()  # 8 was not completed
    assert latest_state(tmp_path) == f"file://{tmp_path}/checkpoints/ab/chk-7"
