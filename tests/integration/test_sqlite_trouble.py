"""A broker file that cannot be written just now: a typed error in plain words, and nothing half written."""

from __future__ import annotations

import _sqlite3
import ctypes
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.broker import BrokerMismatch, BrokerUnavailable, Commit, Offset, StateRow, Stream, TopicPartition
from infra.sqlite.broker import SqliteBroker
from infra.sqlite.store import MOST_CACHE_BYTES
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append
from tests.patience import PATIENCE_S

PART = TopicPartition("device.logs", 0)
STREAM = Stream((PART,))
BIG = [Append("device.logs", b"k", b"x" * 50_000, partition=0)] * 40


@pytest.fixture
def broker(tmp_path: Path) -> SqliteBroker:
    one = SqliteBroker(tmp_path / "hubbub.db", busy_s=0.1)
    one.create_topics([DEVICE_LOGS])
    return one


def test_a_file_that_another_process_holds_is_busy(broker: SqliteBroker) -> None:
    holder = sqlite3.connect(broker.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(BrokerUnavailable, match="locked by another process"):
        broker.append(BIG)
    holder.execute("ROLLBACK")
    holder.close()
    assert broker.bounds(PART) == (0, 0)
    broker.append(BIG)
    assert broker.bounds(PART) == (0, 40)
    broker.close()


def test_a_full_disk_takes_all_of_a_commit_or_nothing(broker: SqliteBroker) -> None:
    membership = broker.join("g", None, [STREAM])
    membership.owned()
    connection = broker._store.connection()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 20}")  # SQLite's own way of a disk that is full
    commit = Commit(STREAM, {PART: Offset(7)}, BIG, [StateRow("d1", b"memory")])
    with pytest.raises(BrokerUnavailable, match="disk is full"):
        membership.commit(commit)
    assert broker.bounds(PART) == (0, 0)
    assert membership.offset(PART) is None
    assert membership.states(STREAM, ["d1"]) == [None]
    connection.execute("PRAGMA max_page_count = 1000000")
    membership.commit(commit)
    assert (broker.bounds(PART), membership.offset(PART)) == ((0, 40), Offset(7))
    broker.close()


def test_a_read_only_file_says_so(broker: SqliteBroker) -> None:
    broker._store.connection().execute("PRAGMA query_only = 1")  # what a read-only disk answers, for root too
    with pytest.raises(BrokerUnavailable, match="read-only"):
        broker.append(BIG)
    assert broker.bounds(PART) == (0, 0)
    broker.close()


@pytest.mark.parametrize(
    "content", [b"this is no database, but a letter to a friend of mine" * 100, b"SQLite format 3\0" + b"\7" * 5000]
)
def test_a_file_that_is_something_else_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "letter.db"
    path.write_bytes(content)
    with pytest.raises((BrokerMismatch, BrokerUnavailable), match=r"letter\.db"):
        SqliteBroker(path)
    assert path.read_bytes() == content


def test_a_file_of_a_later_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hubbub.db"
    SqliteBroker(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = 99 WHERE name = 'format'")
    with pytest.raises(BrokerMismatch, match="format 99"):
        SqliteBroker(path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BrokerUnavailable, match="does the folder exist"):
        SqliteBroker(tmp_path / "nowhere" / "hubbub.db")


def test_connections_of_threads_that_ended_are_closed(broker: SqliteBroker) -> None:
    """A server's threads come and go by the thousand; each would keep up to 16 MB of the file's pages."""
    for _ in range(20):
        thread = threading.Thread(target=lambda: broker.bounds(PART))
        thread.start()
        thread.join()
    open_files = [link.resolve() for link in Path("/proc/self/fd").iterdir()]
    # This thread's, the last one's, and a file that SQLite lets go when nobody holds a lock on it.
    assert 1 <= open_files.count(broker.path.resolve()) < 5
    assert broker.bounds(PART) == (0, 0)
    broker.close()


def test_all_the_caches_of_a_process_have_one_bound(broker: SqliteBroker) -> None:
    """A job has a thread for each pipeline, and each thread a cache that fills in the course of days."""
    memory_used = sqlite_memory_used()
    broker.append([Append(PART.topic, b"k", bytes(200_000), partition=PART.partition)] * 100)
    done, over = threading.Barrier(6), threading.Event()

    def read() -> None:
        at = 0
        while records := broker.read(PART, at, max_records=100, max_bytes=4 << 20):
            at = records[-1].offset + 1
        done.wait(PATIENCE_S)
        over.wait(PATIENCE_S)

    threads = [threading.Thread(target=read) for _ in range(5)]
    for thread in threads:
        thread.start()
    done.wait(PATIENCE_S)
    held = memory_used()
    over.set()
    for thread in threads:
        thread.join()
    assert 16_000_000 < held < MOST_CACHE_BYTES + 4_000_000


def sqlite_memory_used() -> Callable[[], int]:
    """Return what tells how many bytes SQLite holds in this process; asks the library that Python itself uses."""
    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_memory_used.restype = ctypes.c_int64
    return lambda: int(library.sqlite3_memory_used())
