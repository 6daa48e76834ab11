"""A Faust worker's part in its consumer group, as the port has it: what it owns, remembers and may commit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress

from infra.broker import (
    Attempt,
    BrokerMismatch,
    Commit,
    Fenced,
    NotIdle,
    Offset,
    StateRow,
    Stream,
    TopicPartition,
)
from infra.failpoints import failpoint
from pipelines.engines.faust.batches import MOST_CHANGELOG_BYTES
from pipelines.engines.faust.memory import (
    KeyValue,
    Place,
    StreamMemory,
    Ticks,
    attempt_record,
    step_records,
    ticks_record,
    version_of,
)
from pipelines.engines.faust.worker import FaustWorker
from pipelines.engines.place import place_of
from pipelines.engines.ticks import tick_record

TELL_EVERY_S = 0.2
# Room for what a commit writes beside memory and place.
MOST_STEP_BYTES = MOST_CHANGELOG_BYTES - 10_000


class FaustMembership:
    """See the port, infra/broker.py; at least once: outputs are written, then memory and place as one, then offsets.

    A process that dies between them leaves outputs whose step is done again: the same records with the same ids. What
    it remembers is of whole steps only.
    """

    def __init__(self, worker: FaustWorker, group: str, streams: Sequence[Stream]) -> None:
        self._worker = worker
        self._group = group
        self._streams = {stream: stream.parts[0].partition for stream in streams}
        self._owned: dict[Stream, int] = {}
        self._expire: dict[Stream, int] = {}
        # Streams that were taken over anew, until their next task asks where it begins: an older one must not go on.
        self._fresh: set[Stream] = set()
        # Offsets that the group does not know yet; the places in memory are what counts, so they may be behind.
        self._offsets: dict[Stream, dict[TopicPartition, Offset]] = {}
        self._told_at = time.monotonic()

    def owned(self) -> tuple[Stream, ...]:
        """Return the streams whose partitions this worker has all of."""
        parts = self._worker.owned()
        owned = {
            stream: parts[stream.parts[0]] for stream in self._streams if all(part in parts for part in stream.parts)
        }
        for stream, generation in owned.items():
            if self._owned.get(stream) != generation:
                self._take_over(stream, generation)
        self._owned = owned
        self._tell_group()
        return tuple(owned)

    def offset(self, part: TopicPartition) -> Offset | None:
        """Return where the group goes on."""
        stream = next(stream for stream in self._owned if part in stream.parts)
        self._fresh.discard(stream)
        place = self._memory(stream).place
        return None if place is None else place.offsets.get(part)

    def states(self, stream: Stream, keys: Sequence[str]) -> list[bytes | None]:
        """Return the committed memory of these keys."""
        rows = self._memory(stream).rows
        return [None if (row := rows.get(key)) is None else row.value for key in keys]

    def due(self, stream: Stream, watermark_us: int) -> list[tuple[str, bytes]]:
        """Return the keys whose deadline has come, by (deadline, key)."""
        return self._memory(stream).due(watermark_us)

    def memory(self, stream: Stream) -> list[StateRow]:
        """Return all the committed memory of a stream, by key."""
        rows = self._memory(stream).rows
        return [StateRow(key, row.value, row.deadline_us, row.expires_us) for key, row in sorted(rows.items())]

    def next_deadline(self, stream: Stream) -> int | None:
        """Return the earliest deadline."""
        return self._memory(stream).next_deadline()

    def forget_expired(self, stream: Stream, watermark_us: int) -> None:
        """Remember to drop old memory with the next commit."""
        self._expire[stream] = watermark_us

    def commit(self, commit: Commit) -> None:
        """Write outputs, then memory and place as one, then offsets."""
        failpoint("after_state")
        stream = commit.stream
        generation = self._generation(stream)
        memory = self._memory(stream)
        for part, end in commit.idle_at.items():
            if self._worker.delivery.waits(part, end) or not self._worker.caught_up(part, self._worker.end(part)):
                raise NotIdle(f"{part} was found quiet at offset {end} and has grown")
        version = version_of(commit.offsets)
        offsets = dict(commit.offsets)
        if memory.place is not None:
            offsets = {**memory.place.offsets, **offsets}
        place = Place(version, offsets)
        rows = list(commit.states)
        if (limit_us := self._expire.pop(stream, None)) is not None:
            written = {row.key for row in rows}
            rows += [StateRow(key, None) for key in memory.expired(limit_us) if key not in written]
        before: list[KeyValue] = []
        if commit.idle_at:
            # That time has moved is decided here, before anything comes of it: a death behind this does not undo it.
            decided = {}
            for part, end in commit.idle_at.items():
                place_there, frontier_us = place_of(commit.offsets[part], 0)
                watermark_us = place_there.floor_us if frontier_us is None else frontier_us
                assert watermark_us is not None
                decided[part] = (end, watermark_us)
            memory.ticks = Ticks(memory.version, decided)
            before = [ticks_record(stream, memory.ticks)]
        records, split = step_records(stream, memory, rows, place, MOST_STEP_BYTES)
        self._worker.write(
            self._streams[stream],
            generation,
            before=before,
            appends=commit.appends,
            after=[
                attempt_record(stream, None),
                *([] if memory.ticks is None else [ticks_record(stream, None)]),
                *records,
            ],
        )
        self._offsets.setdefault(stream, {}).update(commit.offsets)
        memory.take(rows, place, split=split)
        self._worker.attempts.pop((self._streams[stream], stream), None)
        failpoint("after_commit")

    def begin_attempt(self, stream: Stream, attempt: Attempt) -> None:
        """Remember that work begins."""
        self._worker.attempts[self._streams[stream], stream] = attempt_record(stream, None)
        self._worker.write(self._streams[stream], self._generation(stream), after=[attempt_record(stream, attempt)])
        self._memory(stream).attempt = attempt

    def attempt(self, stream: Stream) -> Attempt | None:
        """Return what an earlier process began and never ended."""
        return self._memory(stream).attempt

    def decided_ticks(self, stream: Stream) -> dict[TopicPartition, list[tuple[int, int]]]:
        """Return ticks that an earlier process decided on and perhaps did not finish, to be read again at their place.

        They are written to the ticks' topic once more, for it may be that they are not there.
        """
        self._fresh.discard(stream)
        memory = self._memory(stream)
        if memory.ticks is None or memory.ticks.version < memory.version:
            return {}
        found = memory.ticks.by_part
        records = [tick_record(self._group, part, *tick) for part, tick in found.items()]
        self._worker.write(self._streams[stream], self._generation(stream), appends=records)
        return {part: [tick] for part, tick in found.items()}

    def leave(self) -> None:
        """Give the streams back."""
        try:
            self._tell_group(now=True)
            with suppress(Fenced):
                self._worker.end_attempts()
        finally:
            self._owned = {}
            self._worker.stop()

    def _tell_group(self, *, now: bool = False) -> None:
        """Commit the offsets, now and then: each is a question to the cluster, and steps may be small."""
        if not now and time.monotonic() - self._told_at < TELL_EVERY_S:
            return
        self._told_at = time.monotonic()
        found: dict[TopicPartition, Offset] = {}
        for stream, offsets in self._offsets.items():
            if stream in self._owned:
                found.update(offsets)
        self._offsets.clear()
        if found:
            # Whoever has the partitions now tells the group himself.
            with suppress(Fenced):
                self._worker.commit(max(self._owned.values()), found)

    def _take_over(self, stream: Stream, generation: int) -> None:
        """Check that memory and offsets fit together; whoever had the stream may not have told the group his last."""
        memory = self._memory(stream)
        memory.settle()
        self._owned[stream] = generation
        self._fresh.add(stream)
        if memory.place is not None:
            self._offsets[stream] = dict(memory.place.offsets)
        for part in stream.parts:
            committed = self._worker.committed(part)
            known = None if memory.place is None else memory.place.offsets.get(part)
            if committed is not None and (known is None or known.next_offset < committed):
                raise BrokerMismatch(
                    f"{part}: group {self._worker.settings.id} goes on at offset {committed}, but what it remembers "
                    f"ends at {'nothing' if known is None else known.next_offset}: was its changelog deleted? "
                    "Run it under another --group"
                )

    def _memory(self, stream: Stream) -> StreamMemory:
        return self._worker.memory(self._streams[stream]).stream(stream.name)

    def _generation(self, stream: Stream) -> int:
        if stream not in self._owned or stream in self._fresh:
            raise Fenced(f"{stream.name} has moved to another worker, or has been there")
        return self._owned[stream]
