"""What the models of this process have done, for whoever watches it: runs of their graphs, and answers remembered.

Counts and durations only. No answer depends on them, and nothing here is pickled: a worker counts its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from models.histogram import Histogram

RUN_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class ModelWork:
    """Counts of one model, that of its golden examples at loading included. Thread-safe.

    `hits` are texts whose answer was still remembered, `misses` those that had to be run; both stay 0 for a model that
    remembers nothing.
    """

    run_times: Histogram = field(default_factory=lambda: Histogram(RUN_SECONDS))
    hits: int = 0
    misses: int = 0
    _lock: Lock = field(default_factory=Lock)

    @property
    def runs(self) -> int:
        """How often the graph was run."""
        return self.run_times.count

    @property
    def run_seconds(self) -> float:
        """How long all runs took together."""
        return self.run_times.total

    def ran(self, seconds: float) -> None:
        """Count a run of the graph that took so long."""
        with self._lock:
            self.run_times.take(seconds)

    def looked_up(self, *, hits: int, misses: int) -> None:
        """Count answers that were looked for among those remembered."""
        with self._lock:
            self.hits += hits
            self.misses += misses


_WORK: dict[str, ModelWork] = {}


def work_of(identity: str) -> ModelWork:
    """Return where the work of a model is counted, by what its answers call it (`name@version+digest`)."""
    return _WORK.setdefault(identity, ModelWork())


def work_of_all() -> dict[str, ModelWork]:
    """Return the work of every model that this process has loaded, by identity."""
    return dict(_WORK)
