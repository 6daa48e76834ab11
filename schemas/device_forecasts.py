"""Forecasts: how probable it is that a device raises a serious alarm soon."""

from __future__ import annotations

import pyarrow as pa

from schemas.answers import INPUT
from schemas.topic import DEVICE_ID, EVENT_TIME, Topic, column

FORECAST_LABELS = ("likely", "unlikely")

# What weighed most: a number about the device's last hours, and by how much it moved the answer (log odds).
REASON = pa.struct([pa.field("what", pa.string()), pa.field("value", pa.float64()), pa.field("weight", pa.float64())])
# `label`: `likely` when `score`, the probability in [0, 1], is at least the model's limit; `words` are the reasons for
# a person, those that raised it, weightiest first.
FORECAST = pa.struct(
    [
        pa.field("label", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("horizon_s", pa.float64()),
        pa.field("because", pa.list_(REASON)),
        pa.field("words", pa.list_(pa.string())),
        pa.field("model", pa.string()),
    ]
)
DEVICE_FORECAST = pa.schema(
    [
        DEVICE_ID,
        EVENT_TIME,
        column("severity", pa.string(), "of the alarms that it is about: this one or worse", example="major"),
        column(
            "hubbub",
            pa.struct([pa.field("input", INPUT), pa.field("forecast", FORECAST)]),
            "the forecast, and the last event that it rests on",
            required=True,
        ),
    ]
)
DEVICE_FORECASTS = Topic(
    "device.forecasts", DEVICE_FORECAST, "how probable a serious alarm of a device is within the forecast's horizon"
)
