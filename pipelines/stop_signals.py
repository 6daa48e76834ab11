"""Ctrl-C and SIGTERM as a wish to stop: work ends where nothing is half done; a second one ends it at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """Takes the two signals while it is entered; `requested` is set by the first. For the main thread only."""

    def __init__(self) -> None:
        self.requested = threading.Event()
        self._raising = False
        self._before: list[object] = []

    def __enter__(self) -> StopSignals:
        self._before = [signal.signal(number, self._take) for number in _SIGNALS]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in zip(_SIGNALS, self._before, strict=True):
            signal.signal(number, before)  # type: ignore[arg-type]

    @contextmanager
    def raising(self) -> Iterator[None]:
        """Let a signal interrupt what is waited for here, by KeyboardInterrupt."""
        self._raising = True
        try:
            yield
        finally:
            self._raising = False

    def _take(self, number: int, frame: FrameType | None) -> None:
        again = self.requested.is_set()
        self.requested.set()
        if self._raising or again:
            raise KeyboardInterrupt
