"""What every broker does for the members of a group: streams shared, memory kept, commits whole or not at all.

A test module gets them by `from tests.membership_laws import *`, beside a fixture `subject` (tests/broker_subject.py).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.broker import Attempt, Broker, Commit, Fenced, NotIdle, Offset, StateRow
from schemas.record import Append
from tests.broker_subject import LOGS, PARTS, STREAMS, Open, eventually, everything, lines, place, shared_out


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
    assert membership.offset(part) == Offset(1, "note")
    # Others see it once the cluster has marked the end of the transaction.
    assert eventually(lambda: broker.committed("g", part) == Offset(1, "note"))
    assert eventually(lambda: (b"out", b"line of out") in everything(broker, place("out")))
    assert broker.groups() == ["g"]
    assert membership.states(stream, ["d1", "d2"]) == [b"s", None]


def test_what_a_member_committed_is_seen_by_all_when_it_has_left(opened: Open, broker: Broker) -> None:
    looking = opened()
    for number in range(1, 4):
        membership = broker.join("g", None, STREAMS)
        membership.owned()
        for stream in STREAMS:
            membership.commit(Commit(stream, {stream.parts[0]: Offset(number)}, lines(*map(str, range(20)))))
        membership.leave()
        assert [looking.committed("g", part) for part in PARTS] == [Offset(number)] * len(PARTS)
        assert sum(len(everything(looking, part)) for part in PARTS) == number * 20 * len(STREAMS)


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
    assert eventually(lambda: shared_out(first, second))
    assert second.owned() == taken
    second.commit(Commit(taken[0], {taken[0].parts[0]: Offset(1)}))
    second.leave()
    assert eventually(lambda: first.owned() == STREAMS)
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
