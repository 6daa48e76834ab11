"""The embedded engine as a live job beside a test, in a thread: what it raises, the test raises."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.pipeline import Pipeline
from tests.patience import PATIENCE_S


class LiveJob:
    """A job that runs until its block is left."""

    def __init__(self, engine: EmbeddedEngine, pipelines: Sequence[Pipeline]) -> None:
        self._engine = engine
        self._pipelines = pipelines
        self._stop = threading.Event()
        self._errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._run)

    def await_that(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds that comes of the job's work."""
        until = time.monotonic() + PATIENCE_S
        while not holds():
            if self._errors:
                raise self._errors[0]
            assert time.monotonic() < until, "what the job was to do never came"
            time.sleep(0.02)

    def _run(self) -> None:
        try:
            self._engine.run(self._pipelines, stop=self._stop)
        except BaseException as error:  # noqa: BLE001 - raised in the test's own thread
            self._errors.append(error)

    def _end(self) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the job does not end"


@contextmanager
def live_job(engine: EmbeddedEngine, pipelines: Sequence[Pipeline]) -> Iterator[LiveJob]:
    """Run pipelines while a block lasts; what went wrong with them is raised behind it, if it was not before."""
    job = LiveJob(engine, pipelines)
    job._thread.start()
    try:
        yield job
    finally:
        job._end()
    if job._errors:
        raise job._errors[0]
