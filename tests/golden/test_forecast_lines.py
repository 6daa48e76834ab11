"""Golden lines: what the shipped forecasts say of a device that falls ill. A change here is a change for every user."""

from __future__ import annotations

import pyarrow as pa

from models.forecast_model import ForecastModel
from operators.forecast_failures import ForecastFailures
from schemas.device_signals import DEVICE_SIGNALS
from tests.registered_operators import row_batch
from tests.signal_rows import falling_ill

LINES = """
00:10 unlikely 0.003027 trouble in 1 of the last 12 times 5 min, 1 anomaly in 120 min
00:25 unlikely 0.061822 1 warning in 10 min, 2 different things in trouble in 60 min
00:40 likely 0.93848 3 different things in trouble in 60 min, 4 warnings in 30 min
00:55 likely 0.856147 8 different things in trouble in 60 min, 10 abnormal lines in 120 min
01:05 unlikely 0.000399 8 different things in trouble in 60 min, 4 warnings in 120 min
01:40 unlikely 0.001294 5 different things in trouble in 60 min, 4 warnings in 120 min
"""


def test_the_forecasts_are_those_that_were_written_down() -> None:
    operator = ForecastFailures(ForecastModel.named())
    rows = sorted(falling_ill("f", 10), key=lambda row: str(row["event_time"]))
    nothing = pa.RecordBatch.from_arrays(
        [pa.nulls(1, field.type) for field in operator.state_schema], schema=operator.state_schema
    )
    _, made = operator.process(nothing, row_batch(DEVICE_SIGNALS, rows))
    lines = [
        f"{row['event_time']:%H:%M} {told['label']} {told['score']} {', '.join(told['words'][:2])}"
        for row, told in ((row, row["hubbub"]["forecast"]) for row in made.to_pylist())
    ]
    assert lines == LINES.strip().splitlines()
