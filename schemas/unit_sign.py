"""Units as people write them: events name them by UCUM's codes, which nobody says (`Cel`, `[ppm]`, `1`)."""

from __future__ import annotations

from typing import Final

_SIGNS: Final = {
    "Cel": "°C",
    "[degF]": "°F",
    "deg": "°",
    "Ohm": "Ω",
    "[ppm]": "ppm",
    "[ppb]": "ppb",
    "[pH]": "pH",
    "[psi]": "psi",
    "1": "",
    "{count}": "",
    "um": "µm",
    "us": "µs",
    "m2": "m²",
    "m3": "m³",
    "m3/h": "m³/h",
    "kW.h": "kWh",
    "W.h": "Wh",
    "ug/m3": "µg/m³",
    "mg/m3": "mg/m³",
    "m/s2": "m/s²",
}


def unit_sign(code: str) -> str:
    """Return how a unit is written beside a number; a code without a sign of its own as it is, nothing for a count.

    >>> [unit_sign(one) for one in ("Cel", "W", "1", "mood")]
    ['°C', 'W', '', 'mood']
    """
    return _SIGNS.get(code, code)
