"""What some pipelines wrote: a broker's topics without what other pipelines put into the same ones.

Several pipelines write to `alerts` (`alerts`, `forecast_alerts`, `log_silence_alerts`); a replay of some is compared
with what these raised, not with what they never would have.
"""

from __future__ import annotations

from collections.abc import Iterable

from infra.broker import Offset, TopicPartition
from pipelines.replay.kept import Kept
from schemas.cloudevents import PIPELINE_SOURCE
from schemas.record import Record


class WrittenBy:
    """Kept records that one of these pipelines wrote, or none of hubbub's; see the port, pipelines/replay/kept.py."""

    def __init__(self, kept: Kept, pipelines: Iterable[str]) -> None:
        self._kept = kept
        self._sources = frozenset(PIPELINE_SOURCE + name.encode() for name in pipelines)

    @property
    def url(self) -> str:
        """See the port."""
        return self._kept.url

    def topics(self) -> dict[str, int]:
        """See the port."""
        return self._kept.topics()

    def bounds(self, part: TopicPartition) -> tuple[int, int]:
        """See the port; what is left out leaves holes."""
        return self._kept.bounds(part)

    def read(self, part: TopicPartition, offset: int, *, max_records: int, max_bytes: int) -> list[Record]:
        """See the port; reads on until there is a record to be given, or nothing more."""
        while records := self._kept.read(part, offset, max_records=max_records, max_bytes=max_bytes):
            if wanted := [record for record in records if self._wants(record)]:
                return wanted
            offset = records[-1].offset + 1
        return []

    def offset_at(self, part: TopicPartition, timestamp_us: int) -> int:
        """See the port."""
        return self._kept.offset_at(part, timestamp_us)

    def committed(self, group: str, part: TopicPartition) -> Offset | None:
        """See the port."""
        return self._kept.committed(group, part)

    def close(self) -> None:
        """See the port."""
        self._kept.close()

    def _wants(self, record: Record) -> bool:
        source = next((value for name, value in record.headers if name == "ce_source"), None)
        return source is None or not source.startswith(PIPELINE_SOURCE) or source in self._sources
