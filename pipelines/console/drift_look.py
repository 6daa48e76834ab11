"""The look for drift behind the console's page, in a thread of its own, so no page waits for it.

It ends with the console, and is waited for: ONNX Runtime aborts a process that ends while another thread is in it.
So it sees whether it is to stop before each model and each batch of rows, which take a second or so.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from infra.broker import Broker
from pipelines.catalog import shipped_pipeline
from pipelines.drift.kept_drift import drift_of_last_rows
from pipelines.drift.watched import ModelDrift

PIPELINES: Final = ("messages", "logs", "alarms", "telemetry")
KEPT_S: Final = 60.0
"""What was found holds for so long: looking takes seconds, and what it finds changes slowly."""


class DriftLook:
    """The drift of the last rows of each shipped pipeline with a model; `clock` gives seconds; any thread may ask."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._found: list[ModelDrift] | None = None
        self._error: Exception | None = None
        self._at_s = 0.0
        self._looking: threading.Thread | None = None
        self._ended = threading.Event()

    def told(self, broker: Broker, models: Mapping[str, str]) -> list[ModelDrift] | None:
        """Return what was found last, and look again if that was long ago; None while nothing is known yet.

        Raises what went wrong when it looked: BrokerUnavailable, BundleRefused for a model that cannot serve, or a bug,
        as if it had happened here. Whoever asks after that has it looked for again.
        """
        with self._lock:
            error, self._error = self._error, None
            if error is not None:
                raise error
            known = self._found is not None
            # The thread lets go last, so what it left is there when this is None again.
            may_look = self._looking is None and not self._ended.is_set()
            if may_look and (not known or self._clock() - self._at_s > KEPT_S):
                arguments = (broker, dict(models))
                self._looking = threading.Thread(target=self._look, args=arguments, name="drift")
                self._looking.start()
            return self._found

    def close(self) -> None:
        """Look no more: wait until the look that is under way has stopped. The broker is needed no longer then."""
        self._ended.set()
        with self._lock:
            looking = self._looking
        if looking is not None:
            looking.join()

    def _look(self, broker: Broker, models: Mapping[str, str]) -> None:
        try:
            found: list[ModelDrift] = []
            for name in PIPELINES:
                if self._ended.is_set():
                    return
                found += drift_of_last_rows(shipped_pipeline(name, models), broker, stop=self._ended.is_set)
        except Exception as wrong:  # noqa: BLE001 - a bug, too: here nobody would see it, and pages would look for ever
            self._error = wrong
        else:
            self._found, self._at_s = found, self._clock()
        finally:
            self._looking = None
