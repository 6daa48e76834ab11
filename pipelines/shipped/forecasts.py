"""The pipeline `forecasts`: how probable it is that a device raises a serious alarm soon."""

from __future__ import annotations

from models.forecast_model import ForecastModel
from operators.forecast_failures import ForecastFailures
from pipelines.pipeline import Pipeline
from pipelines.shipped.signals import signals
from schemas.device_forecasts import DEVICE_FORECASTS
from schemas.device_signals import DEVICE_SIGNALS


def forecasts(model: ForecastModel) -> Pipeline:
    """Return the pipeline from device.signals, merged in event time, to device.forecasts."""
    return Pipeline(
        "forecasts", [DEVICE_SIGNALS], [ForecastFailures(model)], [DEVICE_FORECASTS], merge=True, upstream=[signals()]
    )
