"""Progress goes to stderr, so that stdout stays free."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

SAY_EVERY_S = 30.0


def say(*words: object) -> None:
    """Print one line to stderr at once."""
    print(*words, file=sys.stderr, flush=True)


class Progress:
    """How far a training is: a bar with the time left on a terminal, else a line every half minute."""

    def __init__(self, name: str, total: int, done: int = 0) -> None:
        """Begin at `done` of `total` texts."""
        self._name, self._total, self._first = name, total, done
        self._started = self._said = time.monotonic()
        self._loss: float | None = None
        self._bar: Bar | None = None
        if sys.stderr.isatty():
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            self._bar = Bar(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True))
            self._task = self._bar.add_task(name, total=total, completed=done)
            self._bar.start()

    def advance(self, done: int, where: str, loss: float) -> None:
        """Say that `done` texts are through, with the loss of the last ones."""
        self._loss = loss if self._loss is None else 0.98 * self._loss + 0.02 * loss
        text = f"{self._name}: {where}, loss {self._loss:.3f}"
        if self._bar is not None:
            self._bar.update(self._task, completed=done, description=text)
        elif time.monotonic() - self._said >= SAY_EVERY_S:
            self._said = time.monotonic()
            spent = self._said - self._started
            left = spent / max(done - self._first, 1) * (self._total - done)
            say(f"{text}; {done:,} of {self._total:,} texts, {spent:.0f} s gone, {left:.0f} s left")

    def note(self, *words: object) -> None:
        """Print a line above the bar."""
        if self._bar is not None:
            self._bar.console.print(*words, highlight=False, markup=False)
        else:
            say(*words)

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.stop()
