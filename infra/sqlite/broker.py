"""The embedded broker: topics, offsets and state in one SQLite file, one transaction a commit.

Several processes use the file at once. What it promises is what tests/contract/test_brokers.py and
tests/integration/test_killed_job.py hold it to.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from sqlite3 import Connection
from types import TracebackType

import msgspec

from infra.broker import BrokerMismatch, Fenced, Offset, Stream, TopicPartition
from infra.instance_slot import InstanceSlot, is_alive
from infra.partitioner import partition_of
from infra.sqlite.membership import SqliteMembership
from infra.sqlite.store import OFFSET_BITS, Durability, SqliteStore
from schemas.catalog import is_table
from schemas.record import Append, Headers, Record
from schemas.topic import Topic

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[tuple[str, bytes]]).decode

DAY_US = 86_400_000_000
LOOK_S = 0.005


def _now_us() -> int:
    return time.time_ns() // 1000


class SqliteBroker:
    """A broker in one file (`sqlite:PATH`); see the port, infra/broker.py, for what each method means.

    `clock` gives the time of appending in microseconds. Records of ordinary topics are kept `retention_us`; of
    compacted topics every record for `compaction_lag_us`, then the last of each key, a tombstone no longer than that.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        durability: Durability = "normal",
        busy_s: float = 30.0,
        retention_us: int = 7 * DAY_US,
        compaction_lag_us: int = DAY_US,
        clock: Callable[[], int] = _now_us,
    ) -> None:
        self._path = Path(path)
        self._store = SqliteStore(self._path, durability=durability, busy_s=busy_s)
        self._clock = clock
        self._retention_us = retention_us
        self._compaction_lag_us = compaction_lag_us
        self._slot: InstanceSlot | None = None
        self._joining = threading.Lock()
        # Partition numbers never change once given, so they are remembered.
        self._partitions: dict[str, tuple[int, ...]] = {}
        self._seen_by: dict[int, int] = {}

    @property
    def url(self) -> str:
        """How a person names it."""
        return f"sqlite:{self._path}"

    @property
    def path(self) -> Path:
        """The file itself."""
        return self._path

    def topics(self) -> dict[str, int]:
        """Return the existing topics and their partition counts."""
        with self._store.reading() as connection:
            return dict(connection.execute("SELECT name, partitions FROM topics ORDER BY name").fetchall())

    def create_topics(self, topics: Sequence[Topic]) -> None:
        """Create those that do not exist."""
        existing = self.topics()
        for topic in topics:
            if existing.get(topic.name, topic.partitions) != topic.partitions:
                raise BrokerMismatch(
                    f"topic {topic.name} has {existing[topic.name]} partitions in {self.url}, "
                    f"expected {topic.partitions}"
                )
        missing = [topic for topic in topics if topic.name not in existing]
        if not missing:
            return
        with self._store.writing() as connection:
            for topic in missing:
                connection.execute(
                    "INSERT OR IGNORE INTO topics VALUES (?, ?, ?)",
                    (topic.name, topic.partitions, int(topic.compacted)),
                )
                connection.executemany(
                    "INSERT OR IGNORE INTO partitions (topic, partition) VALUES (?, ?)",
                    [(topic.name, partition) for partition in range(topic.partitions)],
                )

    def expect_topics(self, topics: Sequence[Topic]) -> None:
        """Create those that do not exist: the file is hubbub's own."""
        self.create_topics(topics)

    def bounds(self, part: TopicPartition) -> tuple[int, int]:
        """Return (first kept offset, next offset)."""
        number = self._number(part)
        with self._store.reading() as connection:
            first, following = connection.execute(
                "SELECT first, next FROM partitions WHERE id = ?", (number,)
            ).fetchone()
            return int(first), int(following)

    def ends(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Return the next offset of every partition of these topics."""
        marks = ",".join("?" * len(topics))
        with self._store.reading() as connection:
            rows = connection.execute(
                f"SELECT topic, partition, next FROM partitions WHERE topic IN ({marks})",  # noqa: S608 - only marks
                tuple(topics),
            ).fetchall()
        return {TopicPartition(topic, partition): following for topic, partition, following in rows}

    def written(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """What is written can be read."""
        return self.ends(topics)

    def settled(self, topics: Sequence[str]) -> bool:
        """What is written is there."""
        return True

    def read(self, part: TopicPartition, offset: int, *, max_records: int, max_bytes: int) -> list[Record]:
        """Return records from `offset` on."""
        number = self._number(part)
        records: list[Record] = []
        size = 0
        with self._store.reading() as connection:
            rows = connection.execute(
                "SELECT place, timestamp, key, value, headers FROM records "
                "WHERE place >= ? AND place < ? ORDER BY place LIMIT ?",
                (_place(number, max(offset, 0)), _place(number + 1, 0), max_records),
            )
            for place, timestamp, key, value, headers in rows:
                size += len(value or b"") + len(headers or b"") + 32
                if records and size > max_bytes:
                    break
                records.append(Record(place & _OFFSET_MASK, timestamp, key, value, _headers(headers)))
        return records

    def offset_at(self, part: TopicPartition, timestamp_us: int) -> int:
        """Find by bisection, for append times never decrease within a partition."""
        number = self._number(part)
        low, high = self.bounds(part)
        with self._store.reading() as connection:
            while low < high:
                middle = (low + high) // 2
                row = connection.execute(
                    "SELECT place, timestamp FROM records WHERE place >= ? AND place < ? ORDER BY place LIMIT 1",
                    (_place(number, middle), _place(number, high)),
                ).fetchone()
                if row is None or row[1] >= timestamp_us:
                    high = middle
                else:
                    low = (row[0] & _OFFSET_MASK) + 1
        return low

    def append(self, records: Sequence[Append], *, progress: tuple[str, int] | None = None) -> list[tuple[int, int]]:
        """Write records in one transaction."""
        with self._store.writing() as connection:
            places = self.append_within(connection, records)
            if progress is not None:
                connection.execute("INSERT OR REPLACE INTO progress VALUES (?, ?)", progress)
        return places

    def append_within(self, connection: Connection, records: Sequence[Append]) -> list[tuple[int, int]]:
        """Write records inside a transaction that the caller holds; a membership's commit uses it."""
        now = self._clock()
        heads: dict[int, list[int]] = {}  # by partition number: where the next record lies, and its time
        rows, places = [], []
        for record in records:
            number, partition = self._destination(record)
            head = heads.get(number)
            if head is None:
                following, last = connection.execute(
                    "SELECT next, last_timestamp FROM partitions WHERE id = ?", (number,)
                ).fetchone()
                head = heads[number] = [_place(number, following), max(last, now)]
            place, timestamp = head
            packed = _pack(record.headers) if record.headers else None
            rows.append((place, timestamp, _blob(record.key), _blob(record.value), _blob(packed)))
            places.append((partition, place & _OFFSET_MASK))
            head[0] = place + 1
        connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", rows)
        connection.executemany(
            "UPDATE partitions SET next = ?, last_timestamp = ? WHERE id = ?",
            [(place & _OFFSET_MASK, timestamp, number) for number, (place, timestamp) in heads.items()],
        )
        return places

    def committed(self, group: str, part: TopicPartition) -> Offset | None:
        """Return where a group goes on in a partition."""
        with self._store.reading() as connection:
            row = connection.execute(
                "SELECT next, note FROM offsets WHERE grp = ? AND topic = ? AND partition = ?",
                (group, part.topic, part.partition),
            ).fetchone()
        return None if row is None else Offset(int(row[0]), row[1])

    def places(self, group: str) -> dict[TopicPartition, Offset]:
        """Return where a group goes on in every partition that it has committed for."""
        with self._store.reading() as connection:
            rows = connection.execute(
                "SELECT topic, partition, next, note FROM offsets WHERE grp = ?", (group,)
            ).fetchall()
        return {TopicPartition(topic, partition): Offset(int(at), note) for topic, partition, at, note in rows}

    def commit_offsets(self, group: str, offsets: Mapping[TopicPartition, Offset]) -> None:
        """Say where a group goes on; Fenced while it has living members."""
        with self._store.writing() as connection:
            members = connection.execute("SELECT instance FROM members WHERE grp = ?", (group,)).fetchall()
            if living := [name for (name,) in members if is_alive(self._path, name)]:
                raise Fenced(f"group {group} is worked on by instance {', '.join(living)}; stop it first")
            connection.executemany(
                "INSERT OR REPLACE INTO offsets VALUES (?, ?, ?, ?, ?)",
                [(group, part.topic, part.partition, at.next_offset, at.note) for part, at in offsets.items()],
            )

    def groups(self) -> list[str]:
        """Return the groups that have committed anything."""
        with self._store.reading() as connection:
            return [name for (name,) in connection.execute("SELECT DISTINCT grp FROM offsets ORDER BY grp")]

    def progress(self, name: str) -> int | None:
        """Return the value last remembered under this name."""
        with self._store.reading() as connection:
            row = connection.execute("SELECT value FROM progress WHERE name = ?", (name,)).fetchone()
            return None if row is None else int(row[0])

    def remembered(self, prefix: str) -> dict[str, int]:
        """Return what `append` last remembered under names that begin so."""
        with self._store.reading() as connection:
            rows = connection.execute(
                "SELECT name, value FROM progress WHERE substr(name, 1, ?) = ?", (len(prefix), prefix)
            ).fetchall()
        return {str(name): int(value) for name, value in rows}

    def join(self, group: str, instance: str | None, streams: Sequence[Stream]) -> SqliteMembership:
        """Join a group; the slot of this process is taken at the first join and kept until `close`."""
        # The pipelines of a job join from threads of their own, and are one instance.
        with self._joining:
            if self._slot is None:
                self._slot = InstanceSlot.take(self._path, instance)
        return SqliteMembership(self, self._store, group, self._slot, tuple(streams))

    def maintain(self, now_us: int) -> None:
        """Apply retention to ordinary topics and compaction to compacted ones; what says how things are stays."""
        with self._store.reading() as connection:
            partitions = connection.execute(
                "SELECT p.topic, p.partition, p.id, t.compacted FROM partitions p JOIN topics t ON t.name = p.topic"
            ).fetchall()
        for topic, partition, number, compacted in partitions:
            if compacted:
                self._compact(
                    number, self.offset_at(TopicPartition(topic, partition), now_us - self._compaction_lag_us)
                )
            elif not is_table(topic):
                self._expire(number, self.offset_at(TopicPartition(topic, partition), now_us - self._retention_us))

    def wait(self, timeout_s: float) -> None:
        """Look every few milliseconds whether another connection has committed."""
        until = time.monotonic() + timeout_s
        seen = self._seen_by.get(threading.get_ident())
        while True:
            with self._store.reading() as connection:
                (version,) = connection.execute("PRAGMA data_version").fetchone()
            if version != seen:
                self._seen_by[threading.get_ident()] = version
                return
            if time.monotonic() >= until:
                return
            time.sleep(min(LOOK_S, max(until - time.monotonic(), 0)))

    def close(self) -> None:
        """Close the file and free this process's slot."""
        self._store.close()
        if self._slot is not None:
            self._slot.free()
            self._slot = None

    def __enter__(self) -> SqliteBroker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _expire(self, number: int, until: int) -> None:
        with self._store.reading() as connection:
            (first,) = connection.execute("SELECT first FROM partitions WHERE id = ?", (number,)).fetchone()
        if until <= first:
            return
        with self._store.writing() as connection:
            connection.execute(
                "DELETE FROM records WHERE place >= ? AND place < ?", (_place(number, 0), _place(number, until))
            )
            connection.execute("UPDATE partitions SET first = MAX(first, ?) WHERE id = ?", (until, number))

    def _compact(self, number: int, until: int) -> None:
        """Drop what a later record of the same key replaced, and old tombstones; offsets keep their holes."""
        if until == 0:
            return
        start, end, limit = _place(number, 0), _place(number + 1, 0), _place(number, until)
        with self._store.writing() as connection:
            connection.execute(
                "CREATE TEMP TABLE IF NOT EXISTS newest (key BLOB PRIMARY KEY, place INTEGER) WITHOUT ROWID"
            )
            connection.execute("DELETE FROM newest")
            connection.execute(
                "INSERT INTO newest SELECT key, MAX(place) FROM records "
                "WHERE place >= ? AND place < ? AND key NOT NULL GROUP BY key",
                (start, end),
            )
            connection.execute(
                """DELETE FROM records WHERE place >= ? AND place < ? AND key NOT NULL
                   AND (value IS NULL OR place < (SELECT place FROM newest WHERE newest.key = records.key))""",
                (start, limit),
            )

    def _destination(self, record: Append) -> tuple[int, int]:
        numbers = self._numbers(record.topic)
        partition = record.partition
        if partition is None:
            partition = partition_of(record.key, record.value, len(numbers))
        return numbers[partition], partition

    def _number(self, part: TopicPartition) -> int:
        numbers = self._numbers(part.topic)
        if not 0 <= part.partition < len(numbers):
            raise BrokerMismatch(
                f"topic {part.topic} has {len(numbers)} partitions in {self.url}, "
                f"expected one numbered {part.partition}"
            )
        return numbers[part.partition]

    def _numbers(self, topic: str) -> tuple[int, ...]:
        if topic not in self._partitions:
            with self._store.reading() as connection:
                rows = connection.execute(
                    "SELECT id FROM partitions WHERE topic = ? ORDER BY partition", (topic,)
                ).fetchall()
            if not rows:
                raise BrokerMismatch(
                    f"there is no topic {topic!r} in {self.url}; `hubbub topics create` makes the known ones"
                )
            self._partitions[topic] = tuple(number for (number,) in rows)
        return self._partitions[topic]


_OFFSET_MASK = (1 << OFFSET_BITS) - 1


def _place(number: int, offset: int) -> int:
    return number << OFFSET_BITS | offset


def _blob(content: bytes | None) -> bytearray | None:
    """Give bytes as sqlite3 takes them at once: for `bytes` it first looks for an adapter, longer than it writes."""
    return None if content is None else bytearray(content)


def _headers(packed: bytes | None) -> Headers:
    return tuple(_unpack(packed)) if packed is not None else ()
