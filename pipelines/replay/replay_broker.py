"""A broker whose inputs are history, read where it lies, and whose everything else is a file that is thrown away.

So a replay cannot have side effects: nothing that a pipeline writes reaches the broker that the history lies on. And
nothing of the history is copied: ids, origins, times of arrival and offsets (to which ticks refer) are the originals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import TracebackType

from infra.broker import Attempt, Broker, Commit, Membership, Offset, StateRow, Stream, TopicPartition
from pipelines.replay.history import History
from schemas.record import Append, Record
from schemas.topic import Topic


class ReplayBroker:
    """Reads `history` from its own broker; writes, groups and memory go to `scratch`, which this broker closes."""

    def __init__(self, history: History, scratch: Broker) -> None:
        self._history = history
        self._scratch = scratch

    @property
    def url(self) -> str:
        """How a person names it: by where the history lies."""
        return f"replay of {self._history.broker.url}"

    def topics(self) -> dict[str, int]:
        """Return the topics of the file; a history's topics are there too, empty."""
        return self._scratch.topics()

    def create_topics(self, topics: Sequence[Topic]) -> None:
        """Create topics in the file."""
        self._scratch.create_topics(topics)

    def expect_topics(self, topics: Sequence[Topic]) -> None:
        """Create those of the replay in the file."""
        self._scratch.expect_topics(topics)

    def bounds(self, part: TopicPartition) -> tuple[int, int]:
        """Return where a partition begins and ends; history ends where the replay was told to."""
        span = self._history.spans.get(part)
        return self._scratch.bounds(part) if span is None else (span.start, span.end)

    def ends(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Return where each partition of these topics ends."""
        ends = self._scratch.ends(topics)
        return ends | {part: span.end for part, span in self._history.spans.items() if part in ends}

    def written(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Nothing is hidden."""
        return self.ends(topics)

    def settled(self, topics: Sequence[str]) -> bool:
        """History lies still."""
        return self._scratch.settled(topics)

    def read(self, part: TopicPartition, offset: int, *, max_records: int, max_bytes: int) -> list[Record]:
        """Return records from `offset` on, none from behind the history's end."""
        span = self._history.spans.get(part)
        if span is None:
            return self._scratch.read(part, offset, max_records=max_records, max_bytes=max_bytes)
        offset = max(offset, span.start)
        if offset >= span.end:
            return []
        wanted = min(max_records, span.end - offset)
        records = self._history.broker.read(part, offset, max_records=wanted, max_bytes=max_bytes)
        return [record for record in records if record.offset < span.end]

    def offset_at(self, part: TopicPartition, timestamp_us: int) -> int:
        """Return the first offset that arrived at or after this time."""
        span = self._history.spans.get(part)
        if span is None:
            return self._scratch.offset_at(part, timestamp_us)
        return min(max(self._history.broker.offset_at(part, timestamp_us), span.start), span.end)

    def append(self, records: Sequence[Append], *, progress: tuple[str, int] | None = None) -> list[tuple[int, int]]:
        """Write to the file."""
        return self._scratch.append(records, progress=progress)

    def committed(self, group: str, part: TopicPartition) -> Offset | None:
        """Return where a group of the replay goes on."""
        return self._scratch.committed(group, part)

    def places(self, group: str) -> dict[TopicPartition, Offset]:
        """Return where a group of the replay goes on in every partition."""
        return self._scratch.places(group)

    def commit_offsets(self, group: str, offsets: Mapping[TopicPartition, Offset]) -> None:
        """Say where a group of the replay goes on."""
        self._scratch.commit_offsets(group, offsets)

    def groups(self) -> list[str]:
        """Return the groups of the replay."""
        return self._scratch.groups()

    def progress(self, name: str) -> int | None:
        """Return a value that `append` remembered."""
        return self._scratch.progress(name)

    def remembered(self, prefix: str) -> dict[str, int]:
        """Return what `append` remembered under names that begin so."""
        return self._scratch.remembered(prefix)

    def join(self, group: str, instance: str | None, streams: Sequence[Stream]) -> Membership:
        """Join a group in the file."""
        return _ReplayMembership(self._scratch.join(group, instance, streams), self._history.spans)

    def maintain(self, now_us: int) -> None:
        """Keep everything: what is compared must not expire meanwhile, and history is not ours to shorten."""

    def wait(self, timeout_s: float) -> None:
        """Wait for a commit in the file: history does not grow."""
        self._scratch.wait(timeout_s)

    def close(self) -> None:
        """Close the file; the history's broker stays open."""
        self._scratch.close()

    def __enter__(self) -> ReplayBroker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _ReplayMembership:
    """A membership of the file's groups. History is idle by its nature, so nobody needs to check that it is."""

    def __init__(self, inner: Membership, history: Mapping[TopicPartition, object]) -> None:
        self._inner = inner
        self._history = history

    def owned(self) -> tuple[Stream, ...]:
        return self._inner.owned()

    def offset(self, part: TopicPartition) -> Offset | None:
        return self._inner.offset(part)

    def states(self, stream: Stream, keys: Sequence[str]) -> list[bytes | None]:
        return self._inner.states(stream, keys)

    def due(self, stream: Stream, watermark_us: int) -> list[tuple[str, bytes]]:
        return self._inner.due(stream, watermark_us)

    def memory(self, stream: Stream) -> list[StateRow]:
        return self._inner.memory(stream)

    def next_deadline(self, stream: Stream) -> int | None:
        return self._inner.next_deadline(stream)

    def forget_expired(self, stream: Stream, watermark_us: int) -> None:
        self._inner.forget_expired(stream, watermark_us)

    def commit(self, commit: Commit) -> None:
        idle_at = {part: end for part, end in commit.idle_at.items() if part not in self._history}
        self._inner.commit(replace(commit, idle_at=idle_at))

    def begin_attempt(self, stream: Stream, attempt: Attempt) -> None:
        self._inner.begin_attempt(stream, attempt)

    def attempt(self, stream: Stream) -> Attempt | None:
        return self._inner.attempt(stream)

    def leave(self) -> None:
        self._inner.leave()
