"""Records in files: what comes out is what went in, and it reads as a broker does."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from infra.broker import TopicPartition
from pipelines.replay.elsewhere.exchange import described, pipeline_of, read_json, write_json
from pipelines.replay.elsewhere.record_files import RecordFiles, write_records, write_topics
from schemas.record import Record
from tests.jobs.counting import COUNTS, SILENCES

SEED = 5
PART = TopicPartition("device.logs", 3)


class Held:
    """A log in memory, with holes between its offsets."""

    url = "memory"

    def __init__(self, records: list[Record], end: int) -> None:
        self.records, self.end = records, end

    def topics(self) -> dict[str, int]:
        return {PART.topic: 8}

    def bounds(self, part: TopicPartition) -> tuple[int, int]:
        return (self.records[0].offset, self.end) if part == PART and self.records else (0, 0)

    def read(self, part: TopicPartition, offset: int, *, max_records: int, max_bytes: int) -> list[Record]:
        found = [one for one in self.records if one.offset >= offset] if part == PART else []
        return found[: min(max_records, 7)]

    def offset_at(self, part: TopicPartition, timestamp_us: int) -> int:
        return next((one.offset for one in self.records if one.timestamp_us >= timestamp_us), self.end)

    def committed(self, group: str, part: TopicPartition) -> None:
        return None

    def close(self) -> None:
        pass


@pytest.fixture
def held() -> Held:
    print("seed", SEED)
    draw = random.Random(SEED)
    records, offset, at = [], 4, 1_000
    for _ in range(200):
        offset, at = offset + draw.choice((1, 1, 3)), at + draw.choice((0, 5))
        key = draw.choice((None, b"", b"d1", "温度".encode()))
        value = draw.choice((None, b"", draw.randbytes(20)))
        headers = tuple((f"h{n}", draw.randbytes(3)) for n in range(draw.randrange(3)))
        records.append(Record(offset, at, key, value, headers))
    return Held(records, records[-1].offset + 3)


def test_everything_comes_back(held: Held, tmp_path: Path) -> None:
    write_topics(held, tmp_path, ["device.logs", "nowhere"])
    files = RecordFiles(tmp_path, "files")
    assert files.topics() == {"device.logs": 8}
    assert files.bounds(PART) == (held.records[0].offset, held.end)
    assert files.read(PART, 0, max_records=1000, max_bytes=1 << 20) == held.records
    assert files.bounds(TopicPartition("device.logs", 0)) == (0, 0)
    assert files.read(TopicPartition("device.logs", 0), 0, max_records=9, max_bytes=9) == []
    assert files.committed("hubbub-logs", PART) is None


def test_reads_as_the_log_does(held: Held, tmp_path: Path) -> None:
    write_topics(held, tmp_path, ["device.logs"])
    files = RecordFiles(tmp_path, "files")
    for offset in range(held.end + 2):
        expected = [one for one in held.records if one.offset >= offset][:4]
        assert files.read(PART, offset, max_records=4, max_bytes=1 << 20) == expected
        one = files.read(PART, offset, max_records=4, max_bytes=0)
        assert one == expected[: len(one)] and (not expected or one)
    for at in range(995, held.records[-1].timestamp_us + 3):
        assert files.offset_at(PART, at) == held.offset_at(PART, at)


def test_a_range_without_what_was_said(held: Held, tmp_path: Path) -> None:
    """Bounds are those asked for, whatever lies at them."""
    start, end = held.records[10].offset, held.records[20].offset
    write_records(held, tmp_path, PART, start, end, bare=True)
    files = RecordFiles(tmp_path, "files")
    assert files.bounds(PART) == (start, end)
    found = files.read(PART, 0, max_records=1000, max_bytes=1 << 20)
    assert [one.offset for one in found] == [one.offset for one in held.records[10:20]]
    assert {one.value for one in found} == {None}
    assert [one.headers for one in found] == [one.headers for one in held.records[10:20]]


@pytest.mark.parametrize("pipeline", [COUNTS, SILENCES], ids=lambda one: one.name)
def test_a_pipeline_is_described_with_its_topics(pipeline: object) -> None:
    assert pipeline in (COUNTS, SILENCES)
    one = COUNTS if pipeline is COUNTS else SILENCES
    found = pipeline_of(described(one))
    assert (found.name, found.sources, found.sinks) == (one.name, one.sources, one.sinks)


def test_another_version_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "answer.json", {"models": {}})
    assert read_json(tmp_path / "answer.json")["models"] == {}
    (tmp_path / "answer.json").write_text('{"version": 99}', encoding="utf-8")
    with pytest.raises(ValueError, match="expected version 1 of what checkouts tell each other, got 99"):
        read_json(tmp_path / "answer.json")
