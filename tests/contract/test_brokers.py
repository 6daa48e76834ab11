"""What every broker does, whatever it is made of. A new one joins by one line in `BROKERS`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.broker import (
    Attempt,
    Broker,
    BrokerMismatch,
    Commit,
    Fenced,
    NotIdle,
    Offset,
    StateRow,
    Stream,
    TopicPartition,
)
from infra.partitioner import partition_of_key
from infra.sqlite_broker import SqliteBroker
from schemas.alerts import ALERTS
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append
from schemas.topic import Topic

Open = Callable[[], Broker]


class Clock:
    """A clock that a test turns by hand, microseconds."""

    def __init__(self) -> None:
        self.now_us = 1_000_000

    def __call__(self) -> int:
        return self.now_us


def sqlite(folder: Path, clock: Clock) -> Open:
    return lambda: SqliteBroker(folder / "hubbub.db", clock=clock, retention_us=1000, compaction_lag_us=1000)


BROKERS = {"sqlite": sqlite}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=BROKERS)
def opened(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Open]:
    """Opens the same broker as often as it is called, as several processes would."""
    brokers: list[Broker] = []

    def open_() -> Broker:
        brokers.append(BROKERS[request.param](tmp_path, clock)())
        return brokers[-1]

    yield open_
    for one in brokers:
        one.close()


@pytest.fixture
def broker(opened: Open) -> Broker:
    one = opened()
    one.create_topics([DEVICE_LOGS, ALERTS])
    return one


LOGS = "device.logs"
PARTS = tuple(TopicPartition(LOGS, partition) for partition in range(DEVICE_LOGS.partitions))
STREAMS = tuple(Stream((part,)) for part in PARTS)


def lines(*keys: str) -> list[Append]:
    return [Append(LOGS, key.encode(), f"line of {key}".encode(), (("h", b"\x00\xff"),)) for key in keys]


def place(key: str) -> TopicPartition:
    return PARTS[partition_of_key(key.encode(), len(PARTS))]


def everything(broker: Broker, part: TopicPartition) -> list[tuple[bytes | None, bytes | None]]:
    return [(r.key, r.value) for r in broker.read(part, 0, max_records=10_000, max_bytes=1 << 30)]


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
    assert broker.ends([LOGS]) == {part: 3 if part.partition == 2 else 0 for part in PARTS}


def test_reading_is_bounded_by_count_and_bytes_but_never_stuck(broker: Broker) -> None:
    broker.append([Append(LOGS, b"k", b"x" * 1000, partition=0)] * 10)
    assert [r.offset for r in broker.read(PARTS[0], 4, max_records=3, max_bytes=1 << 20)] == [4, 5, 6]
    assert len(broker.read(PARTS[0], 0, max_records=10, max_bytes=2500)) == 2
    assert len(broker.read(PARTS[0], 0, max_records=10, max_bytes=1)) == 1
    assert broker.read(PARTS[0], 10, max_records=10, max_bytes=1000) == []


def test_time_never_goes_back_within_a_partition(broker: Broker, clock: Clock) -> None:
    for now in (5_000_000, 4_000_000, 6_000_000):
        clock.now_us = now
        broker.append([Append(LOGS, b"k", b"v", partition=0)])
    stamps = [r.timestamp_us for r in broker.read(PARTS[0], 0, max_records=9, max_bytes=9999)]
    assert stamps == [5_000_000, 5_000_000, 6_000_000]
    assert [broker.offset_at(PARTS[0], at) for at in (0, 5_000_000, 5_000_001, 6_000_001)] == [0, 0, 2, 3]


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


def test_a_commit_is_all_or_nothing(broker: Broker) -> None:
    membership = broker.join("g", None, STREAMS)
    stream = membership.owned()[0]
    part = stream.parts[0]
    broker.append([Append(LOGS, b"k", b"v", partition=part.partition)])
    with pytest.raises(NotIdle):
        membership.commit(Commit(stream, {part: Offset(0)}, lines("out"), [StateRow("d1", b"s")], idle_at={part: 0}))
    assert membership.offset(part) is None
    assert broker.groups() == []
    assert membership.states(stream, ["d1"]) == [None]
    assert (b"out", b"line of out") not in everything(broker, place("out"))
    membership.commit(
        Commit(stream, {part: Offset(1, "note")}, lines("out"), [StateRow("d1", b"s")], idle_at={part: 1})
    )
    assert membership.offset(part) == broker.committed("g", part) == Offset(1, "note")
    assert broker.groups() == ["g"]
    assert membership.states(stream, ["d1", "d2"]) == [b"s", None]
    assert (b"out", b"line of out") in everything(broker, place("out"))


def test_memory_belongs_to_group_and_stream(broker: Broker) -> None:
    one, two = broker.join("one", None, STREAMS), broker.join("two", None, STREAMS)
    one.owned(), two.owned()
    one.commit(Commit(STREAMS[0], {}, states=[StateRow("d1", b"mine")]))
    assert two.states(STREAMS[0], ["d1"]) == [None]
    assert one.states(STREAMS[1], ["d1"]) == [None]
    one.commit(Commit(STREAMS[0], {}, states=[StateRow("d1", None)]))
    assert one.states(STREAMS[0], ["d1"]) == [None]


def test_all_memory_of_a_stream_comes_at_once(broker: Broker) -> None:
    membership = broker.join("g", None, STREAMS)
    membership.owned()
    rows = [StateRow("a", b"A", 20, 30), StateRow("b", b"B", None, 10), StateRow("c", b"C")]
    membership.commit(Commit(STREAMS[0], {}, states=rows[::-1]))
    assert membership.memory(STREAMS[0]) == rows
    assert membership.memory(STREAMS[1]) == []
    membership.forget_expired(STREAMS[0], 10)
    membership.commit(Commit(STREAMS[0], {}, states=[StateRow("c", None)]))
    assert membership.memory(STREAMS[0]) == rows[:1]


def test_offsets_are_set_from_outside_only_while_nobody_works(opened: Open, broker: Broker) -> None:
    broker.commit_offsets("g", {PARTS[0]: Offset(3, "note")})
    assert broker.committed("g", PARTS[0]) == Offset(3, "note")
    membership = broker.join("g", None, STREAMS)
    assert membership.owned() == STREAMS
    with pytest.raises(Fenced):
        opened().commit_offsets("g", {PARTS[0]: Offset(9)})
    assert membership.offset(PARTS[0]) == Offset(3, "note")
    membership.leave()
    opened().commit_offsets("g", {PARTS[0]: Offset(9)})
    assert broker.committed("g", PARTS[0]) == Offset(9)


def test_deadlines_are_found_in_order(broker: Broker) -> None:
    membership = broker.join("g", None, STREAMS)
    membership.owned()
    rows = [
        StateRow("b", b"B", 20),
        StateRow("a", b"A", 20),
        StateRow("c", b"C", 10),
        StateRow("d", b"D"),
        StateRow("e", b"E", 21),
    ]
    membership.commit(Commit(STREAMS[0], {}, states=rows))
    assert membership.due(STREAMS[0], 20) == [("c", b"C"), ("a", b"A"), ("b", b"B")]
    assert membership.next_deadline(STREAMS[0]) == 10
    assert membership.next_deadline(STREAMS[1]) is None
    membership.commit(Commit(STREAMS[0], {}, states=[StateRow("c", b"C", None)]))
    assert membership.due(STREAMS[0], 20) == [("a", b"A"), ("b", b"B")]


def test_expired_memory_goes_with_the_next_commit(broker: Broker) -> None:
    membership = broker.join("g", None, STREAMS)
    membership.owned()
    membership.commit(Commit(STREAMS[0], {}, states=[StateRow("old", b"o", None, 10), StateRow("new", b"n", None, 30)]))
    membership.forget_expired(STREAMS[0], 20)
    assert membership.states(STREAMS[0], ["old"]) == [b"o"]
    membership.commit(Commit(STREAMS[0], {}))
    assert membership.states(STREAMS[0], ["old", "new"]) == [None, b"n"]


def test_a_thousand_keys_are_one_question(broker: Broker) -> None:
    membership = broker.join("g", None, STREAMS)
    membership.owned()
    keys = [f"d{i}" for i in range(2000)]
    membership.commit(Commit(STREAMS[0], {}, states=[StateRow(key, key.encode()) for key in keys]))
    assert membership.states(STREAMS[0], keys[::-1]) == [key.encode() for key in keys[::-1]]


def test_two_instances_share_the_streams_and_the_slower_one_is_fenced(opened: Open, broker: Broker) -> None:
    first = broker.join("g", None, STREAMS)
    assert first.owned() == STREAMS
    second = opened().join("g", None, STREAMS)
    taken = second.owned()
    assert len(taken) == len(STREAMS) // 2
    with pytest.raises(Fenced):
        first.commit(Commit(taken[0], {taken[0].parts[0]: Offset(7)}))
    assert set(first.owned()) | set(taken) == set(STREAMS)
    assert not set(first.owned()) & set(taken)
    second.commit(Commit(taken[0], {taken[0].parts[0]: Offset(1)}))
    second.leave()
    assert first.owned() == STREAMS
    assert first.offset(taken[0].parts[0]) == Offset(1)


def test_the_threads_of_a_job_are_one_instance(broker: Broker) -> None:
    with ThreadPoolExecutor(8) as threads:
        memberships = list(threads.map(lambda group: broker.join(group, None, STREAMS), [f"g{i}" for i in range(8)]))
    assert [one.owned() for one in memberships] == [STREAMS] * 8
    for _ in range(3):  # joining again, as after a death, is the same instance still
        again = broker.join("g0", None, STREAMS)
        assert again.owned() == STREAMS


def test_an_attempt_outlives_its_process_but_not_its_commit(opened: Open, broker: Broker) -> None:
    membership = broker.join("g", None, STREAMS)
    membership.owned()
    membership.begin_attempt(STREAMS[0], Attempt(5, 50, 1))
    broker.close()  # as a death would, without leaving
    again = opened().join("g", None, STREAMS)
    again.owned()
    assert again.attempt(STREAMS[0]) == Attempt(5, 50, 1)
    again.commit(Commit(STREAMS[0], {PARTS[0]: Offset(6)}))
    assert again.attempt(STREAMS[0]) is None
    again.begin_attempt(STREAMS[0], Attempt(6, 7, 1))
    again.leave()
    assert opened().join("g", None, STREAMS).attempt(STREAMS[0]) is None


def test_old_records_go_and_their_offsets_stay_gone(broker: Broker, clock: Clock) -> None:
    broker.append([Append(LOGS, b"k", b"old", partition=0)] * 2)
    clock.now_us += 5000
    broker.append([Append(LOGS, b"k", b"new", partition=0)])
    broker.maintain(clock.now_us)
    assert broker.bounds(PARTS[0]) == (2, 3)
    assert [r.offset for r in broker.read(PARTS[0], 0, max_records=9, max_bytes=9999)] == [2]
    assert broker.append([Append(LOGS, b"k", b"next", partition=0)]) == [(0, 3)]


def test_a_compacted_topic_keeps_the_last_of_each_key(broker: Broker, clock: Clock) -> None:
    part = TopicPartition("alerts", 0)
    values = [(b"a", b"1"), (b"b", b"1"), (b"a", b"2"), (b"c", b"1"), (b"c", None)]
    broker.append([Append("alerts", key, value, partition=0) for key, value in values])
    clock.now_us += 5000
    broker.append([Append("alerts", b"b", b"2", partition=0)])
    broker.maintain(clock.now_us)
    assert everything(broker, part) == [(b"a", b"2"), (b"b", b"2")]
    assert [r.offset for r in broker.read(part, 0, max_records=9, max_bytes=9999)] == [2, 5]
    assert broker.bounds(part)[1] == 6
