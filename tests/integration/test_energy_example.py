"""The energy example, played to the end: the planted waste is found, work in working hours is left alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from infra.sqlite.broker import SqliteBroker
from pipelines.catalog import find_pipeline
from pipelines.demo.energy import METERS, WASTE, EnergySimulation
from pipelines.demo.energy_play import play_energy, told

MONDAY_US = round(datetime(2026, 10, 5, tzinfo=UTC).timestamp() * 1_000_000)


def test_waste_at_night_and_on_the_weekend_is_found_and_nothing_else(tmp_path: Path) -> None:
    simulation = EnergySimulation(20261122, MONDAY_US)
    with SqliteBroker(tmp_path / "energy.db") as broker:
        findings = play_energy(broker, simulation)
    by_title = {one.waste.title: one for one in findings.found}
    for waste in WASTE:
        assert (by_title[waste.title].fired_us is None) == waste.harmless, waste.title
    assert findings.false_alerts == 0
    weekend = by_title["ventilation runs all weekend"]
    assert 0.8 * 48 * 3.2 < weekend.excess_kwh < 48 * 3.2  # all of it but what is within the range
    offices = findings.usual["meter-offices"]
    assert offices[2 * 24 + 12] > 4 * offices[2 * 24 + 3]  # Wednesday noon, and at night
    assert offices[5 * 24 + 12] < 4  # Saturday noon
    lines = [*told(simulation, findings)]
    assert any("Found 3 of 3; 0 false alerts" in line for line in lines)


def test_the_same_seed_gives_the_same_readings() -> None:
    one, other = (list(EnergySimulation(3, MONDAY_US, weeks=1).events()) for _ in range(2))
    assert one == other
    assert {event.device_id for event in one} == {meter.device_id for meter in METERS}


def test_the_pipelines_are_found_by_their_names() -> None:
    for name in ("energy", "energy_alerts"):
        assert find_pipeline(f"pipelines.examples.energy:{name}").name == name
