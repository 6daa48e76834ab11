"""What devices measure, by their type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Pattern = Literal["flat", "cycle", "sun", "office", "evening"]


@dataclass(frozen=True)
class Metric:
    """One thing that a device measures: `base` + `swing` * the pattern's value in [0, 1] + noise.

    `pattern`: "flat"; "cycle" (a compressor's saw tooth of `period_s`); "sun" (daylight), "office" (working hours),
    "evening" (people at home). `noise` is a standard deviation in `unit` (a UCUM code). A reading stays within
    [`low`, `high`].
    """

    name: str
    unit: str
    base: float
    noise: float
    swing: float = 0.0
    pattern: Pattern = "flat"
    period_s: int = 2400
    low: float = float("-inf")
    high: float = float("inf")
    decimals: int = 1


def _cooled(base: float, swing: float, period_s: int) -> tuple[Metric, ...]:
    """Inside temperature and electric power of something that cools by a compressor."""
    return (
        Metric("box_temp", "Cel", base, 0.12, swing, "cycle", period_s, decimals=2),
        Metric("compressor_power", "W", 160.0, 9.0, 45.0, "cycle", period_s, low=0.0),
    )


METRICS: dict[str, tuple[Metric, ...]] = {
    "freezer": _cooled(-18.9, 1.0, 2400),
    "fridge": _cooled(4.1, 1.2, 1800),
    "medical_fridge": _cooled(4.4, 0.7, 1500),
    "router": (
        Metric("uplink_latency", "ms", 11.0, 0.9, 7.0, "evening", low=1.0),
        Metric("uplink_loss", "%", 0.1, 0.06, low=0.0, high=100.0, decimals=2),
    ),
    "switch": (Metric("poe_power", "W", 118.0, 1.4, 12.0, "office"),),
    "access_point": (Metric("clients", "1", 9.0, 1.1, 21.0, "office", low=0.0, decimals=0),),
    "ups": (
        Metric("battery_voltage", "V", 54.4, 0.04, decimals=2),
        Metric("runtime_left", "min", 41.0, 0.4, low=0.0),
        Metric("load", "%", 34.0, 1.2, 22.0, "office", low=0.0, high=100.0),
    ),
    "heat_pump": (
        Metric("flow_temp", "Cel", 38.2, 0.25, 3.1, "evening"),
        Metric("discharge_temp", "Cel", 71.0, 0.7, 6.0, "evening"),
    ),
    "boiler": (Metric("water_pressure", "bar", 1.62, 0.015, 0.08, "evening", decimals=2),),
    "gas_sensor": (
        Metric("methane", "[ppm]", 3.0, 0.8, low=0.0, decimals=0),
        Metric("carbon_monoxide", "[ppm]", 1.0, 0.4, low=0.0, decimals=0),
    ),
    "smoke_detector": (Metric("obscuration", "%/m", 0.2, 0.04, low=0.0, decimals=2),),
    "leak_sensor": (Metric("moisture", "%", 2.4, 0.3, low=0.0, high=100.0),),
    "water_meter": (Metric("flow", "L/min", 1.1, 0.35, 3.2, "evening", low=0.0, decimals=2),),
    "power_meter": (Metric("demand", "kW", 11.5, 0.5, 14.0, "office", low=0.0, decimals=2),),
    "ev_charger": (
        Metric("connector_temp", "Cel", 24.0, 0.5, 9.0, "evening"),
        Metric("charge_power", "kW", 2.2, 0.15, 7.4, "evening", low=0.0, decimals=2),
    ),
    "lift": (Metric("door_motor_current", "A", 1.9, 0.06, 0.25, "office", low=0.0, decimals=2),),
    "inverter": (
        Metric("ac_power", "kW", 0.0, 0.12, 8.6, "sun", low=0.0, decimals=2),
        Metric("heatsink_temp", "Cel", 17.0, 0.5, 29.0, "sun"),
    ),
    "air_handler": (Metric("supply_temp", "Cel", 18.9, 0.15, 1.2, "office"),),
    "lock": (Metric("battery", "%", 87.0, 0.3, low=0.0, high=100.0),),
    "camera": (Metric("bitrate", "Mbit/s", 3.1, 0.2, 1.4, "office", low=0.0, decimals=2),),
    "air_sensor": (
        Metric("co2", "[ppm]", 470.0, 14.0, 420.0, "office", low=380.0, decimals=0),
        Metric("room_temp", "Cel", 20.6, 0.08, 1.6, "office", decimals=2),
    ),
    "thermostat": (Metric("room_temp", "Cel", 20.1, 0.08, 1.3, "evening", decimals=2),),
}
"""Types that are not listed measure nothing: they only talk."""
