"""How long each stage of the work took: what `hubbub run` and the benchmarks report."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class StageTimes:
    """Seconds by stage, rows by what became of them, dead letters by reason, and how many steps were committed.

    One for each pipeline of a job; read it from any thread.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    steps: int = 0
    _inner: float = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of a block; a stage within a stage is counted for itself alone."""
        start = time.perf_counter()
        outer, self._inner = self._inner, 0.0
        try:
            yield
        finally:
            taken = time.perf_counter() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + taken - self._inner
            self._inner = outer + taken

    def count(self, name: str, rows: int) -> None:
        """Count rows."""
        self.rows[name] = self.rows.get(name, 0) + rows

    def failed(self, reason: str) -> None:
        """Count a dead letter's reason."""
        self.reasons[reason] = self.reasons.get(reason, 0) + 1
