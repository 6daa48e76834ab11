"""What every broker does as a log, whatever it is made of: topics, reading, writing, progress, retention.

A test module gets them by `from tests.broker_laws import *`, beside a fixture `subject` (tests/broker_subject.py).
"""

from __future__ import annotations

import pytest

from infra.broker import Broker, BrokerMismatch, Offset, TopicPartition
from infra.partitioner import partition_of_key
from schemas.alerts import ALERTS
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append
from schemas.topic import Topic
from tests.broker_subject import LOGS, PARTS, Open, Subject, all_records, everything, lines


@pytest.fixture
def opened(subject: Subject) -> Open:
    """Opens the same broker as often as it is called, as several processes would."""
    return subject.open


@pytest.fixture
def broker(opened: Open) -> Broker:
    one = opened()
    one.create_topics([DEVICE_LOGS, ALERTS])
    return one


def test_a_record_comes_back_as_it_went_in(broker: Broker) -> None:
    [(partition, offset)] = broker.append(lines("d1"))
    [record] = broker.read(TopicPartition(LOGS, partition), offset, max_records=10, max_bytes=1000)
    assert (record.key, record.value, record.headers) == (b"d1", b"line of d1", (("h", b"\x00\xff"),))


@pytest.mark.parametrize("value", [None, b"", b"\x00" * 100_000])
def test_any_bytes_are_a_value(broker: Broker, value: bytes | None) -> None:
    broker.append([Append(LOGS, None, value, partition=3)])
    assert everything(broker, PARTS[3]) == [(None, value)]


@pytest.mark.parametrize(
    ("key", "murmur2"),
    # From Apache Kafka's own test of its Java client (UtilsTest.testMurmur2).
    [("21", -973932308), ("foobar", -790332482), ("a-little-bit-long-string", -985981536), ("abc", 479470107)],
)
def test_a_key_has_one_partition_everywhere(broker: Broker, key: str, murmur2: int) -> None:
    expected = (murmur2 & 0x7FFFFFFF) % len(PARTS)
    assert broker.append(lines(key))[0][0] == expected == partition_of_key(key.encode(), len(PARTS))


def test_offsets_count_up_and_bounds_follow(broker: Broker) -> None:
    assert broker.bounds(PARTS[2]) == (0, 0)
    places = broker.append([Append(LOGS, b"k", b"v", partition=2)] * 3)
    assert places == [(2, 0), (2, 1), (2, 2)]
    assert broker.bounds(PARTS[2]) == (0, 3)
    assert broker.settled([LOGS])
    # What is written later lies behind, and there may be a hole between.
    [(_, later)] = broker.append([Append(LOGS, b"k", b"v", partition=2)])
    assert later >= 3
    assert broker.bounds(PARTS[2]) == (0, later + 1)


def test_ends_is_where_a_reader_stands_who_has_read_everything(broker: Broker) -> None:
    broker.append([Append(LOGS, b"k", b"v", partition=2)] * 3)
    assert {part: end for part, end in broker.ends([LOGS]).items() if part != PARTS[2]} == {
        part: 0 for part in PARTS if part != PARTS[2]
    }
    assert broker.ends([LOGS])[PARTS[2]] >= 3
    assert broker.read(PARTS[2], 3, max_records=1, max_bytes=1) == []
    assert broker.ends([LOGS])[PARTS[2]] == 3
    assert broker.written([LOGS]) == broker.ends([LOGS]), "no transaction is open"
    broker.append([Append(LOGS, b"k", b"v", partition=2)])
    [record] = broker.read(PARTS[2], 3, max_records=9, max_bytes=999)
    assert broker.ends([LOGS])[PARTS[2]] > record.offset


def test_a_partition_is_read_from_anywhere(broker: Broker) -> None:
    broker.append([Append(LOGS, b"k", str(number).encode(), partition=0) for number in range(100)])
    for start in (0, 50, 10, 99, 100, 3):
        read = broker.read(PARTS[0], start, max_records=4, max_bytes=1 << 20)
        assert [r.offset for r in read] == list(range(start, min(start + 4, 100)))


def test_what_another_process_writes_is_read(opened: Open, broker: Broker) -> None:
    other = opened()
    for number in range(3):
        [(_, offset)] = other.append([Append(LOGS, b"k", b"v", partition=number)])
        assert [r.offset for r in broker.read(PARTS[number], 0, max_records=9, max_bytes=999)] == [offset]


def test_reading_is_bounded_by_count_and_bytes_but_never_stuck(broker: Broker) -> None:
    broker.append([Append(LOGS, b"k", b"x" * 1000, partition=0)] * 10)
    assert [r.offset for r in broker.read(PARTS[0], 4, max_records=3, max_bytes=1 << 20)] == [4, 5, 6]
    assert len(broker.read(PARTS[0], 0, max_records=10, max_bytes=2500)) == 2
    assert len(broker.read(PARTS[0], 0, max_records=10, max_bytes=1)) == 1
    assert broker.read(PARTS[0], 10, max_records=10, max_bytes=1000) == []


def test_time_never_goes_back_within_a_partition(subject: Subject, broker: Broker) -> None:
    for now_s in (5, 4, 6):
        subject.turn_to(now_s)
        broker.append([Append(LOGS, b"k", b"v", partition=0)])
    records = broker.read(PARTS[0], 0, max_records=9, max_bytes=9999)
    stamps = [r.timestamp_us for r in records]
    assert stamps == sorted(stamps)
    for moment in [0, *stamps]:
        assert broker.offset_at(PARTS[0], moment) == next(r.offset for r in records if r.timestamp_us >= moment)
    assert broker.offset_at(PARTS[0], stamps[-1] + 1) == broker.bounds(PARTS[0])[1]


def test_a_topic_is_made_once_and_keeps_its_partitions(broker: Broker) -> None:
    broker.create_topics([DEVICE_LOGS])
    other = Topic(LOGS, DEVICE_LOGS.schema, "the same with other partitions", partitions=4)
    with pytest.raises(BrokerMismatch, match="8 partitions"):
        broker.create_topics([other])
    with pytest.raises(BrokerMismatch, match=r"no\.such"):
        broker.bounds(TopicPartition("no.such", 0))
    assert broker.topics()[LOGS] == 8


def test_progress_is_written_with_its_records(broker: Broker) -> None:
    assert broker.progress("file") is None
    broker.append(lines("d1"), progress=("file", 5000))
    assert broker.progress("file") == 5000


def test_a_writer_s_progress_is_the_last_one(opened: Open, broker: Broker) -> None:
    for value in (1, 2, 3):
        broker.append(lines("d1"), progress=("w:one", value))
    broker.append([], progress=("w:two", 7))
    assert [opened().progress(name) for name in ("w:one", "w:two", "w:three")] == [3, 7, None]


def test_progress_is_seen_at_once_by_who_wrote_it_and_by_who_looks_on(opened: Open, broker: Broker) -> None:
    looking = opened()
    assert looking.remembered("") == {}
    for number in range(5):
        broker.append([], progress=(f"w:{number}", number))
        assert broker.progress(f"w:{number}") == number
    broker.append([], progress=("v:1", 9))
    assert looking.remembered("w:") == {f"w:{number}": number for number in range(5)}
    broker.append([], progress=("w:1", 8))  # who looks on has fenced nobody
    assert (broker.remembered("w:1"), looking.remembered("none")) == ({"w:1": 8}, {})


def test_the_places_of_a_group_come_at_once(broker: Broker) -> None:
    assert broker.places("g") == {}
    at = {PARTS[0]: Offset(3, "note"), TopicPartition(ALERTS.name, 5): Offset(7)}
    broker.commit_offsets("g", at)
    assert broker.places("g") == at
    assert broker.committed("g", PARTS[1]) is None


def test_topics_are_expected(broker: Broker) -> None:
    broker.expect_topics([DEVICE_LOGS, ALERTS])
    with pytest.raises(BrokerMismatch, match="8 partitions"):
        broker.expect_topics([Topic(LOGS, DEVICE_LOGS.schema, "the same with other partitions", partitions=4)])


def test_old_records_go_and_their_offsets_stay_gone(subject: Subject, broker: Broker) -> None:
    broker.append([Append(LOGS, b"k", b"old", partition=0)] * 2)
    subject.age(broker)
    [(_, kept)] = broker.append([Append(LOGS, b"k", b"new", partition=0)])
    first, end = broker.bounds(PARTS[0])
    assert 2 <= first <= kept
    assert end == kept + 1
    assert [r.value for r in broker.read(PARTS[0], 0, max_records=9, max_bytes=9999)] == [b"new"]
    [(_, following)] = broker.append([Append(LOGS, b"k", b"next", partition=0)])
    assert following > kept


def test_a_compacted_topic_keeps_the_last_of_each_key(subject: Subject, broker: Broker) -> None:
    part = TopicPartition(ALERTS.name, 0)
    values = [(b"a", b"1"), (b"b", b"1"), (b"a", b"2"), (b"c", b"1"), (b"c", None)]
    written = broker.append([Append(ALERTS.name, key, value, partition=0) for key, value in values])
    [(_, last)] = broker.append([Append(ALERTS.name, b"b", b"2", partition=0)])
    subject.age(broker)
    kept = all_records(broker, part)
    # A tombstone may stay for a while.
    assert [(r.offset, r.key, r.value) for r in kept if r.value is not None][:2] == [
        (written[2][1], b"a", b"2"),
        (last, b"b", b"2"),
    ]
    assert broker.bounds(part) == (0, kept[-1].offset + 1)
