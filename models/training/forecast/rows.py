"""Rows that forecasts are learnt from and measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Booleans = NDArray[np.bool_]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class ForecastRows:
    """Moments of devices: `values` (rows, features) float32; (rows,) whether a serious alarm came within the horizon.

    `weight` is how many moments a row stands for: most are of devices that showed nothing for hours, all alike.
    `alarm_lately` and `trouble_lately` are what the answers that need no model rest on: whether any alarm was raised in
    the last hour, and whether anything bad was seen in it.
    """

    values: NDArray[np.float32]
    truth: Booleans
    weight: Numbers
    alarm_lately: Booleans
    trouble_lately: Booleans

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def moments(self) -> int:
        """How many moments the rows stand for."""
        return int(self.weight.sum())


def together(parts: Sequence[ForecastRows]) -> ForecastRows:
    """Return the rows of all parts."""
    return ForecastRows(
        *(np.concatenate([getattr(one, field.name) for one in parts]) for field in fields(ForecastRows))
    )
