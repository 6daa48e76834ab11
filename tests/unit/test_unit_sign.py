"""Units beside numbers, as people write them; the codes stay what events and rules name."""

from __future__ import annotations

import pytest

from schemas.unit_sign import unit_sign


@pytest.mark.parametrize(
    ("code", "sign"),
    [
        ("Cel", "°C"),
        ("[ppm]", "ppm"),
        ("1", ""),
        ("W", "W"),
        ("kW.h", "kWh"),
        ("a mood of one's own", "a mood of one's own"),
    ],
)
def test_a_unit_is_written_as_people_do(code: str, sign: str) -> None:
    assert unit_sign(code) == sign
