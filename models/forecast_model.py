"""A model of forecasts: a handle to a verified bundle that says how probable a serious alarm is within its horizon."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.find_bundle import find_bundle
from models.loaded_forecast import ForecastAnswers, LoadedForecast, load_forecast
from models.model_handle import ModelHandle

SHIPPED_FORECAST_MODEL = "failure-forecast"

__all__ = ["SHIPPED_FORECAST_MODEL", "ForecastAnswers", "ForecastModel"]


class ForecastModel(ModelHandle[LoadedForecast]):
    """Same numbers, same answer, bit for bit, whatever other rows they are asked beside."""

    task = "forecast"
    loader = staticmethod(load_forecast)

    @classmethod
    def named(cls, name: str = SHIPPED_FORECAST_MODEL, chosen: Mapping[str, str | Path] | None = None) -> ForecastModel:
        """Return the model of this name: what `chosen` overrides, else what came with hubbub."""
        return cls(find_bundle(name, chosen))

    @property
    def features(self) -> tuple[str, ...]:
        """The numbers that it reads, in order."""
        return self.loaded().facts.features

    @property
    def severity(self) -> str:
        """What is forecast: an alarm of this severity or worse."""
        return self.loaded().facts.severity

    @property
    def horizon_us(self) -> int:
        """Within which time, in microseconds."""
        return round(self.loaded().facts.horizon_s * 1_000_000)

    @property
    def limit(self) -> float:
        """The probability from which on an alarm should be called likely."""
        return self.loaded().facts.limit

    def judge(self, values: NDArray[np.float32]) -> ForecastAnswers:
        """Judge rows of numbers (rows, features)."""
        return self.loaded().judge(values)
