"""How a merge reads what is no plain input: a partition that other streams feed, and a table.

Both give the same rows as a PartitionReader, but another time. Rows of a fed partition lie in the order in which they
happened to be written; each says in its sequence header what time it was in its own stream. A table's rows have no
time but what ticks say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from infra.broker import Broker, BrokerMismatch, TopicPartition
from pipelines.engines.partition_reader import NEVER, PartitionReader, Rows, TimeRules, time_before_rows
from pipelines.engines.place import Place
from pipelines.engines.round_answers import RoundAnswers
from pipelines.engines.upstream_time import WITHOUT_END, UpstreamTime
from schemas.microseconds import microseconds
from schemas.record import Record
from schemas.sequence import SEQUENCE_HEADER, read_sequence
from schemas.topic import TIMESTAMP, Topic


class FedReader(PartitionReader):
    """Reads a partition that the streams of another pipeline write, by their time."""

    judges_clock = False  # upstream has judged its rows when they arrived
    follows = True

    def __init__(
        self,
        broker: Broker,
        topic: Topic,
        part: TopicPartition,
        rules: TimeRules,
        upstream: UpstreamTime,
        *,
        ticks: Sequence[tuple[int, int]] = (),
        answers: RoundAnswers | None = None,
    ) -> None:
        super().__init__(broker, topic, part, rules, ticks=ticks, answers=answers)
        self._upstream = upstream
        # What upstream had passed when it was asked, and up to where its rows must then have been read.
        self._asked: tuple[int, int] | None = None
        self._passed_us = NEVER

    def read(self, place: Place, *, max_records: int, max_bytes: int) -> Rows:
        """Return the rows from `place` on; when all was read that upstream had written, its time counts here."""
        passed_us = self._upstream.passed()
        if self._asked is None and passed_us > self._passed_us and self._upstream.is_readable(self.part.topic):
            self._asked = (passed_us, self._upstream.end(self.part))
        rows = super().read(place, max_records=max_records, max_bytes=max_bytes)
        following = rows.after.next_offset
        # Where it ends with a hole, that comes to light when it has been read: then it ends before it.
        if self._asked is not None and (following >= self._asked[1] or self._is_read_up_to(following)):
            self._passed_us, self._asked = max(self._passed_us, self._asked[0]), None
        return rows

    def watermark_us(self, place: Place) -> int | None:
        """Return the time that all of upstream has passed, or a tick has set."""
        passed_us = max(self._passed_us, NEVER if place.floor_us is None else place.floor_us)
        return None if passed_us == NEVER else passed_us

    def quiet_until(self, watermark_us: int) -> int:
        """Time cannot be moved past what upstream has yet to work through."""
        return min(watermark_us, self._upstream.passed_by_the_clock())

    def soon_quiet_until(self, watermark_us: int) -> int:
        """Like `quiet_until`; who has nothing but holes before him may be taken for busy."""
        return min(watermark_us, self._upstream.passed_by_the_clock(exactly=False))

    def is_prompt(self, still_us: int) -> bool:
        """Whether time may be moved by the clock before all of upstream has stood still for so long."""
        return self._upstream.is_prompt(still_us)

    def merge_time_of_refused(self, place: Place, frontier_us: int | None) -> int | None:
        """What is no row says no time, so it goes out with what is released next."""
        return frontier_us

    def _times_before(self, before: np.ndarray, records: Sequence[Record]) -> np.ndarray:
        found = np.empty(len(records), dtype=np.int64)
        for i, record in enumerate(records):
            value = next((value for name, value in record.headers if name == SEQUENCE_HEADER), b"")
            sequence = read_sequence(value)
            if sequence is None or not sequence[1].place:
                raise BrokerMismatch(
                    f"{self.part}, offset {record.offset}: expected a row with the header {SEQUENCE_HEADER}, got "
                    f"{value!r}; only hubbub's own pipelines write this topic"
                )
            found[i] = sequence[1].place[0]
        return found


class TableReader(PartitionReader):
    """Reads a partition of a table: no row of it is late, too early, or waited for."""

    judges_clock = False  # what will hold from tomorrow on may be said today
    comes_first = True

    def watermark_us(self, place: Place) -> int | None:
        """A table holds nothing back."""
        return WITHOUT_END

    def merge_times(self, batch: pa.RecordBatch) -> np.ndarray:
        """Rows merge as soon as they are there."""
        return time_before_rows(batch)

    def merge_time_of_refused(self, place: Place, frontier_us: int | None) -> int | None:
        """It goes out with what is released next."""
        return frontier_us

    def from_frontier(self, rows: Rows, frontier_us: int) -> tuple[Rows, int | None]:
        """Let rows be released next, behind what was; return them, and the offset of the first that came late.

        One whose time has passed holds from the frontier on; a tick at that offset says so to who reads it again.
        """
        before = time_before_rows(rows.batch)
        times = microseconds(rows.batch.column(self.topic.event_time))
        late = np.flatnonzero((times < frontier_us) & (before < frontier_us))
        moved = pa.array(np.maximum(before, frontier_us)).view(TIMESTAMP)
        column = rows.batch.schema.get_field_index("watermark")
        rows = replace(rows, batch=rows.batch.set_column(column, rows.batch.schema.field("watermark"), moved))
        if not len(late):
            return rows, None
        return replace(rows, after=rows.after.raised_to(frontier_us)), rows.records[int(late[0])].offset

    def _times_before(self, before: np.ndarray, records: Sequence[Record]) -> np.ndarray:
        return np.full(len(records), NEVER, dtype=np.int64)
