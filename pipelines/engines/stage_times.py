"""How long each stage of the work took: what `hubbub run`, its metrics and traces, and the benchmarks report."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from models.histogram import Histogram

# Of a step's stages, so many are kept for traces: its own are fewer, and rounds that read nothing add to them.
MOST_INTERVALS: Final = 64
# A step without rows tells only what time it is.
STEP_ROWS: Final = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True, slots=True)
class Interval:
    """When a stage or an operator was at work: nanoseconds since 1970."""

    name: str
    start_ns: int
    end_ns: int


@dataclass(slots=True)
class StageTimes:
    """Seconds by stage and operator, rows by what became of them, dead letters by reason, committed steps by rows.

    One for each pipeline of a job; read it from any thread. `intervals` are kept for who tells of each step.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    operators: dict[str, float] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    step_rows: Histogram = field(default_factory=lambda: Histogram(STEP_ROWS))
    intervals: deque[Interval] = field(default_factory=lambda: deque(maxlen=MOST_INTERVALS))
    _inner: float = 0.0

    @property
    def steps(self) -> int:
        """How many steps were committed."""
        return self.step_rows.count

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of a block; a stage within a stage is counted for itself alone."""
        start, start_ns = time.perf_counter(), time.time_ns()
        outer, self._inner = self._inner, 0.0
        try:
            yield
        finally:
            taken = time.perf_counter() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + taken - self._inner
            self._inner = outer + taken
            self.intervals.append(Interval(name, start_ns, start_ns + round(taken * 1e9)))

    @contextmanager
    def operator(self, name: str) -> Iterator[None]:
        """Count the time of an operator's work, which is part of the stage `operators`."""
        start, start_ns = time.perf_counter(), time.time_ns()
        try:
            yield
        finally:
            taken = time.perf_counter() - start
            self.operators[name] = self.operators.get(name, 0.0) + taken
            self.intervals.append(Interval(name, start_ns, start_ns + round(taken * 1e9)))

    def count(self, name: str, rows: int) -> None:
        """Count rows."""
        self.rows[name] = self.rows.get(name, 0) + rows

    def failed(self, reason: str) -> None:
        """Count a dead letter's reason."""
        self.reasons[reason] = self.reasons.get(reason, 0) + 1
