"""Energy of a site: readings of its meters, beside what is usual at this hour of the week."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from schemas.answers import TELEMETRY_ANSWERS, enriched
from schemas.device_telemetry import DEVICE_TELEMETRY

HOURS = ("working", "night", "weekend")
# What is usual: `expected` and the range around it, in the unit of the value, null while the hour is not known;
# `excess` is how far the value lies above the range, 0 within. `kind` says what hours these are, `is_waste` whether
# more is used than should be while nobody works.
PROFILE = pa.struct(
    [
        pa.field("expected", pa.float64()),
        pa.field("expected_low", pa.float64()),
        pa.field("expected_high", pa.float64()),
        pa.field("excess", pa.float64()),
        pa.field("kind", pa.string()),
        pa.field("is_waste", pa.bool_()),
    ]
)
SITE_ENERGY = replace(
    enriched(DEVICE_TELEMETRY, (*TELEMETRY_ANSWERS, pa.field("profile", PROFILE))),
    name="site.energy",
    description="readings of energy meters, understood, beside the usual week",
)
