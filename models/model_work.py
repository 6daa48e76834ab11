"""What the models of this process have done, for whoever watches it: runs of their graphs, and answers remembered.

Counts and durations only. No answer depends on them, and nothing here is pickled: a worker counts its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock


@dataclass(slots=True)
class ModelWork:
    """Counts of one model, that of its golden examples at loading included. Thread-safe.

    `hits` are texts whose answer was still remembered, `misses` those that had to be run; both stay 0 for a model that
    remembers nothing.
    """

    runs: int = 0
    run_seconds: float = 0.0
    hits: int = 0
    misses: int = 0
    _lock: Lock = field(default_factory=Lock)

    def ran(self, seconds: float) -> None:
        """Count a run of the graph that took so long."""
        with self._lock:
            self.runs += 1
            self.run_seconds += seconds

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
