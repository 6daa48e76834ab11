"""A telemetry model: a handle to a verified bundle that judges readings, series by series, memory in and out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.find_bundle import find_bundle
from models.loaded_telemetry import LoadedTelemetry, ReadingAnswers, load_telemetry
from models.model_handle import ModelHandle

SHIPPED_TELEMETRY_MODEL = "telemetry-level"
# A month of thirty days, of a series that is read once a minute; one false alarm in it is what hubbub asks for.
READINGS_A_MONTH = 43_200
MONTHLY = 1 / READINGS_A_MONTH


class TelemetryModel(ModelHandle[LoadedTelemetry]):
    """Same reading and same memory, same answer, bit for bit, whatever other series it is asked beside."""

    task = "telemetry"
    loader = staticmethod(load_telemetry)

    @classmethod
    def named(
        cls, name: str = SHIPPED_TELEMETRY_MODEL, chosen: Mapping[str, str | Path] | None = None
    ) -> TelemetryModel:
        """Return the model of the bundle `name`: the one that came with hubbub unless `chosen` says another folder."""
        return cls(find_bundle(name, chosen))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of oddness, by the index that answers carry."""
        return self.loaded().kinds

    @property
    def state_width(self) -> int:
        """How many numbers are remembered of a series; all zeros is a series without memory."""
        return self.loaded().state_width

    def step(
        self,
        values: NDArray[np.float64],
        seconds: NDArray[np.float64],
        states: NDArray[np.float64],
        alarm_probability: float = MONTHLY,
    ) -> ReadingAnswers:
        """Judge one finite reading of each series, `seconds` after its last one (0 for the first), and take it in.

        `values` and `seconds` are (rows,), `states` (rows, state_width); a reading less probable than
        `alarm_probability` is an anomaly.
        """
        return self.loaded().step(values, seconds, states, alarm_probability)

    def follow(
        self,
        values: NDArray[np.float64],
        seconds: NDArray[np.float64],
        taken: NDArray[np.bool_],
        state: NDArray[np.float64],
        alarm_probability: float = MONTHLY,
    ) -> ReadingAnswers:
        """Judge readings of one series that follow on each other, and take in those that are `taken`.

        As many calls of `step` would, but sooner; `states`, (1, state_width), is the memory behind the last.
        """
        return self.loaded().follow(values, seconds, taken, state, alarm_probability)
