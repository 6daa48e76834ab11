"""The broker port: what hubbub needs of a log, and all it knows of one.

Two things implement it: SQLite (`sqlite:PATH`, the embedded default) and Apache Kafka (`kafka://`). Both pass
tests/contract/test_brokers.py, so what holds on one holds on the other. Times are microseconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, runtime_checkable

from schemas.record import Append, Record
from schemas.topic import Topic


class BrokerUnavailable(Exception):
    """The broker cannot be reached or written just now: busy, full, read-only, refused. Nothing was half written."""


class BrokerAway(BrokerUnavailable):
    """Nobody answers just now, which may end by itself: who works for long waits and tries again."""


class BrokerRefused(Exception):
    """The broker is there and does not let us: a wrong password or certificate, a right that is missing."""


class BrokerMismatch(Exception):
    """What the broker holds is not what was asked for: a missing topic, another partition count, an unknown version."""


class Fenced(Exception):
    """Somebody else owns this stream now; what was not committed must be discarded."""


@dataclass(frozen=True, slots=True)
class TopicPartition:
    """One partition of one topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


@dataclass(frozen=True, slots=True)
class Stream:
    """The unit of order, state and parallelism: one partition of a topic, or the same one of several, merged."""

    parts: tuple[TopicPartition, ...]

    @property
    def name(self) -> str:
        """How the stream is called in state, commits and messages, for example `alarms/3`."""
        return "+".join(str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Offset:
    """Where reading goes on in one partition: the next offset, and what the reader must remember beside it."""

    next_offset: int
    note: str = ""  # the reader's own memory, at most 2 KB; Kafka keeps it as the commit's metadata


@dataclass(frozen=True, slots=True)
class StateRow:
    """One key's memory after a commit. A None `value` forgets the key."""

    key: str
    value: bytes | None
    deadline_us: int | None = None
    expires_us: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """Work that a process began and did not survive: the records from `offset` up to, not including, `until`.

    `deaths` counts the processes that died so. From the second on, `offset` is the very record they died at, for
    after the first death records are taken one at a time (see pipelines/engines/stream_task.py).
    """

    offset: int
    until: int
    deaths: int


@dataclass(frozen=True, slots=True)
class Commit:
    """Everything that one step of work changes, written at once or not at all."""

    stream: Stream
    offsets: Mapping[TopicPartition, Offset]
    appends: Sequence[Append] = ()
    states: Sequence[StateRow] = ()
    # Partitions that must still end where they were seen to end; if one has grown the commit is refused by NotIdle.
    idle_at: Mapping[TopicPartition, int] = field(default_factory=dict)


class NotIdle(Exception):
    """A partition that was found quiet has grown meanwhile: read on, and tick later."""


class Membership(Protocol):
    """One instance's part in a consumer group: which streams it owns, and the right to commit for them."""

    def owned(self) -> tuple[Stream, ...]:
        """Return the streams this instance owns now, having noticed who came and who left (even by SIGKILL)."""
        ...

    def offset(self, part: TopicPartition) -> Offset | None:
        """Return where the group goes on in a partition; None before its first commit."""
        ...

    def states(self, stream: Stream, keys: Sequence[str]) -> list[bytes | None]:
        """Return the committed memory of these keys, None for a key without."""
        ...

    def due(self, stream: Stream, watermark_us: int) -> list[tuple[str, bytes]]:
        """Return (key, memory) of the keys whose deadline is <= `watermark_us`, by (deadline, key)."""
        ...

    def memory(self, stream: Stream) -> list[StateRow]:
        """Return all the committed memory of a stream, by key: for an engine that takes it elsewhere to work on."""
        ...

    def next_deadline(self, stream: Stream) -> int | None:
        """Return the earliest deadline of the stream's keys, None without any."""
        ...

    def forget_expired(self, stream: Stream, watermark_us: int) -> None:
        """Let the next commit drop memory whose `expires_us` is <= `watermark_us`."""
        ...

    def commit(self, commit: Commit) -> None:
        """Write all of it in one transaction; Fenced if the stream was taken over, NotIdle, BrokerUnavailable."""
        ...

    def begin_attempt(self, stream: Stream, attempt: Attempt) -> None:
        """Remember, outside any commit, that work begins; a commit of the stream forgets it."""
        ...

    def attempt(self, stream: Stream) -> Attempt | None:
        """Return the attempt that an earlier process began and never ended."""
        ...

    def leave(self) -> None:
        """Give the streams back; attempts are forgotten, for this end is an orderly one."""
        ...


@runtime_checkable
class CommitsTogether(Membership, Protocol):
    """A membership to which what is written costs round trips, so that several small steps had better share them."""

    def commit_together(self, commits: Sequence[Commit]) -> None:
        """Write the commits of several streams in one transaction, all or none; raises as `commit`."""
        ...

    def begin_attempts(self, attempts: Mapping[Stream, Attempt]) -> None:
        """Remember that work begins on several streams, in one write."""
        ...


class Broker(Protocol):
    """A log with topics, partitions, groups and state."""

    @property
    def url(self) -> str:
        """How a person names it, without secrets."""
        ...

    def topics(self) -> dict[str, int]:
        """Return the existing topics and their partition counts."""
        ...

    def create_topics(self, topics: Sequence[Topic]) -> None:
        """Create those that do not exist; BrokerMismatch when one exists with another partition count."""
        ...

    def expect_topics(self, topics: Sequence[Topic]) -> None:
        """Make sure that these exist: BrokerMismatch names the command that creates them; SQLite creates them."""
        ...

    def bounds(self, part: TopicPartition) -> tuple[int, int]:
        """Return (first offset that is kept, offset behind the last record that can be read).

        A later record may lie further on than there: offsets have holes.
        """
        ...

    def ends(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Return, for every partition of these topics, an offset that everything lies before; in one question.

        Who has read up to there has read everything. Where a partition ends with a hole it may lie behind `bounds`,
        until somebody reads there through this broker and finds nothing: from then on it is where that reader stands.
        """
        ...

    def written(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Return `ends` with what an open transaction still hides: who has read up to there has read all of it."""
        ...

    def settled(self, topics: Sequence[str]) -> bool:
        """Tell whether everything that is written in these topics can be read; on Kafka a transaction may be open."""
        ...

    def read(self, part: TopicPartition, offset: int, *, max_records: int, max_bytes: int) -> list[Record]:
        """Return records from `offset` on, in order, at least one if there is any; holes are skipped."""
        ...

    def offset_at(self, part: TopicPartition, timestamp_us: int) -> int:
        """Return the first offset whose record was appended at or after this time; the end if there is none."""
        ...

    def append(self, records: Sequence[Append], *, progress: tuple[str, int] | None = None) -> list[tuple[int, int]]:
        """Write records at once and return their (partition, offset); remember `progress` (name, value) with them.

        A name is WRITER:WHAT. Of two processes that write as one WRITER the later one may fence the earlier (Fenced).
        """
        ...

    def committed(self, group: str, part: TopicPartition) -> Offset | None:
        """Return where a group goes on in a partition; None before its first commit."""
        ...

    def places(self, group: str) -> dict[TopicPartition, Offset]:
        """Return where a group goes on in every partition that it has committed for, in one question."""
        ...

    def commit_offsets(self, group: str, offsets: Mapping[TopicPartition, Offset]) -> None:
        """Say where a group goes on, for an engine that keeps memory itself; Fenced while the group has members."""
        ...

    def groups(self) -> list[str]:
        """Return the names of the groups that have committed anything, sorted."""
        ...

    def progress(self, name: str) -> int | None:
        """Return the value last remembered under this name by `append`, for who is about to write under it."""
        ...

    def remembered(self, prefix: str) -> dict[str, int]:
        """Return what `append` last remembered under names that begin so, for who looks on and writes under none."""
        ...

    def join(self, group: str, instance: str | None, streams: Sequence[Stream]) -> Membership:
        """Join a group as `instance` (None: the first free slot of this machine)."""
        ...

    def maintain(self, now_us: int) -> None:
        """Apply retention and compaction."""
        ...

    def wait(self, timeout_s: float) -> None:
        """Return when something may have been written by somebody else, or after `timeout_s` seconds."""
        ...

    def close(self) -> None:
        """Release what is held; idempotent."""
        ...

    def __enter__(self) -> Broker: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
