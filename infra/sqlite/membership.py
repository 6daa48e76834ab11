"""One process's part in a consumer group of the embedded broker: owned streams, and fenced commits."""

from __future__ import annotations

import time
from collections.abc import Sequence
from sqlite3 import Connection
from typing import TYPE_CHECKING

from infra.broker import Attempt, Commit, Fenced, NotIdle, Offset, StateRow, Stream, TopicPartition
from infra.failpoints import failpoint
from infra.instance_slot import InstanceSlot, is_alive
from infra.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from infra.sqlite.broker import SqliteBroker

# How long a dead neighbour's streams may stand still before somebody looks.
LOOK_EVERY_S = 0.5
KEYS_A_QUERY = 500


class SqliteMembership:
    """See the port, infra/broker.py. A group's generation grows with each change of its members, and fences commits."""

    def __init__(
        self, broker: SqliteBroker, store: SqliteStore, group: str, slot: InstanceSlot, streams: tuple[Stream, ...]
    ) -> None:
        self._broker = broker
        self._store = store
        self._group = group
        self._slot = slot
        self._streams = streams
        self._owned: tuple[Stream, ...] = ()
        self._generation = -1
        self._looked_at = 0.0
        self._numbers: dict[Stream, int] = {}
        self._expire: dict[Stream, int] = {}
        with store.writing() as connection:
            connection.execute("INSERT OR IGNORE INTO groups VALUES (?, 0)", (group,))
            connection.execute("INSERT OR IGNORE INTO members VALUES (?, ?)", (group, slot.name))
            self._new_generation(connection)
            for stream in streams:
                connection.execute("INSERT OR IGNORE INTO streams (grp, name) VALUES (?, ?)", (group, stream.name))
                row = connection.execute(
                    "SELECT id FROM streams WHERE grp = ? AND name = ?", (group, stream.name)
                ).fetchone()
                self._numbers[stream] = int(row[0])

    def owned(self) -> tuple[Stream, ...]:
        """Return the streams of this instance: every n-th, by its place among the living members."""
        self._bury_the_dead()
        with self._store.reading() as connection:
            generation = self._current_generation(connection)
            if generation != self._generation:
                members = self._members(connection)
                place = members.index(self._slot.name) if self._slot.name in members else None
                self._owned = () if place is None else self._streams[place :: len(members)]
                self._generation = generation
        return self._owned

    def offset(self, part: TopicPartition) -> Offset | None:
        """Return where the group goes on."""
        return self._broker.committed(self._group, part)

    def states(self, stream: Stream, keys: Sequence[str]) -> list[bytes | None]:
        """Return the committed memory of these keys."""
        found: dict[str, bytes] = {}
        with self._store.reading() as connection:
            for start in range(0, len(keys), KEYS_A_QUERY):
                some = keys[start : start + KEYS_A_QUERY]
                marks = ",".join("?" * len(some))
                found.update(
                    connection.execute(
                        f"SELECT key, value FROM state WHERE stream = ? AND key IN ({marks})",  # noqa: S608 - only marks
                        (self._numbers[stream], *some),
                    )
                )
        return [found.get(key) for key in keys]

    def due(self, stream: Stream, watermark_us: int) -> list[tuple[str, bytes]]:
        """Return the keys whose deadline has come, by (deadline, key)."""
        with self._store.reading() as connection:
            return connection.execute(
                "SELECT key, value FROM state WHERE stream = ? AND deadline <= ? ORDER BY deadline, key",
                (self._numbers[stream], watermark_us),
            ).fetchall()

    def memory(self, stream: Stream) -> list[StateRow]:
        """Return all the committed memory of a stream, by key."""
        with self._store.reading() as connection:
            rows = connection.execute(
                "SELECT key, value, deadline, expires FROM state WHERE stream = ? ORDER BY key",
                (self._numbers[stream],),
            ).fetchall()
        return [StateRow(*row) for row in rows]

    def next_deadline(self, stream: Stream) -> int | None:
        """Return the earliest deadline."""
        with self._store.reading() as connection:
            (earliest,) = connection.execute(
                "SELECT MIN(deadline) FROM state WHERE stream = ? AND deadline IS NOT NULL", (self._numbers[stream],)
            ).fetchone()
        return None if earliest is None else int(earliest)

    def forget_expired(self, stream: Stream, watermark_us: int) -> None:
        """Remember to drop old memory with the next commit."""
        self._expire[stream] = watermark_us

    def commit(self, commit: Commit) -> None:
        """Write outputs, memory and offsets in one transaction."""
        failpoint("after_state")
        number = self._numbers[commit.stream]
        with self._store.writing() as connection:
            if self._current_generation(connection) != self._generation or commit.stream not in self._owned:
                raise Fenced(f"{commit.stream.name} of group {self._group} has moved to another instance")
            self._check_idle(connection, commit)
            self._broker.append_within(connection, commit.appends)
            failpoint("after_produce")
            connection.executemany(
                "INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?, ?)",
                [
                    (number, row.key, row.value, row.deadline_us, row.expires_us)
                    for row in commit.states
                    if row.value is not None
                ],
            )
            connection.executemany(
                "DELETE FROM state WHERE stream = ? AND key = ?",
                [(number, row.key) for row in commit.states if row.value is None],
            )
            if (expired := self._expire.pop(commit.stream, None)) is not None:
                connection.execute("DELETE FROM state WHERE stream = ? AND expires <= ?", (number, expired))
            connection.executemany(
                "INSERT OR REPLACE INTO offsets VALUES (?, ?, ?, ?, ?)",
                [
                    (self._group, part.topic, part.partition, at.next_offset, at.note)
                    for part, at in commit.offsets.items()
                ],
            )
            connection.execute("DELETE FROM attempts WHERE stream = ?", (number,))
            failpoint("after_send_offsets")
            failpoint("during_end_transaction")
        failpoint("after_commit")

    def begin_attempt(self, stream: Stream, attempt: Attempt) -> None:
        """Remember that work begins."""
        row = (self._numbers[stream], attempt.offset, attempt.until, attempt.deaths)
        with self._store.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?)", row)

    def attempt(self, stream: Stream) -> Attempt | None:
        """Return what an earlier process began and never ended."""
        with self._store.reading() as connection:
            row = connection.execute(
                "SELECT first, until, deaths FROM attempts WHERE stream = ?", (self._numbers[stream],)
            ).fetchone()
        return None if row is None else Attempt(*row)

    def leave(self) -> None:
        """Give the streams back."""
        with self._store.writing() as connection:
            if self._current_generation(connection) == self._generation:
                connection.executemany(
                    "DELETE FROM attempts WHERE stream = ?", [(self._numbers[s],) for s in self._owned]
                )
            connection.execute("DELETE FROM members WHERE grp = ? AND instance = ?", (self._group, self._slot.name))
            self._new_generation(connection)
        self._owned = ()

    def _check_idle(self, connection: Connection, commit: Commit) -> None:
        for part, end in commit.idle_at.items():
            (following,) = connection.execute(
                "SELECT next FROM partitions WHERE topic = ? AND partition = ?", (part.topic, part.partition)
            ).fetchone()
            if following != end:
                raise NotIdle(f"{part} was found quiet at offset {end} and has reached {following}")

    def _bury_the_dead(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = now
        with self._store.reading() as connection:
            others = [name for name in self._members(connection) if name != self._slot.name]
        dead = [name for name in others if not is_alive(self._broker.path, name)]
        if dead:
            with self._store.writing() as connection:
                connection.executemany(
                    "DELETE FROM members WHERE grp = ? AND instance = ?", [(self._group, name) for name in dead]
                )
                self._new_generation(connection)

    def _members(self, connection: Connection) -> list[str]:
        rows = connection.execute(
            "SELECT instance FROM members WHERE grp = ? ORDER BY instance", (self._group,)
        ).fetchall()
        return [name for (name,) in rows]

    def _current_generation(self, connection: Connection) -> int:
        (generation,) = connection.execute("SELECT generation FROM groups WHERE name = ?", (self._group,)).fetchone()
        return int(generation)

    def _new_generation(self, connection: Connection) -> None:
        connection.execute("UPDATE groups SET generation = generation + 1 WHERE name = ?", (self._group,))
