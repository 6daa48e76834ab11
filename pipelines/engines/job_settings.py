"""What a job may be told: batch sizes, time rules, patience."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.engines.partition_reader import TimeRules


@dataclass(frozen=True, slots=True)
class JobSettings:
    """How a job runs. None of it changes an answer, except the two time rules, which say what a late row is.

    `batch_records`, `batch_bytes`: the most that one step reads; with one step in flight a stream this bounds memory.
    `tick_s`: how long a partition must be quiet before time moves without rows; None never ticks. Behind a re-keyed
    topic it moves sooner where that is known to cost nothing (followers.py). `poll_s`: how often
    to look for new records. `crash_deaths`: after so many deaths of the process at one record it is a dead letter.
    `skip_removed`: go on though records were removed before they were read.
    """

    batch_records: int = 2000
    batch_bytes: int = 4 << 20
    lateness_s: float = 10.0
    max_ahead_s: float = 300.0
    tick_s: float | None = 5.0
    poll_s: float = 0.25
    maintain_s: float = 60.0
    crash_deaths: int = 3
    merge_buffer_bytes: int = 64 << 20
    skip_removed: bool = False

    @property
    def rules(self) -> TimeRules:
        """The time rules, in microseconds."""
        return TimeRules(round(self.lateness_s * 1e6), round(self.max_ahead_s * 1e6))
