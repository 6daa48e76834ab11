"""The demo's day: which things happen, on which devices, at what hour."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from pipelines.demo.building import Building, Device
from pipelines.demo.incidents.catalog import KINDS
from pipelines.demo.incidents.incident import Incident
from pipelines.demo.incidents.story import Story
from pipelines.demo.phrases import seeded

HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Planned:
    """One thing that will happen: at about which hour of the day, on one of these devices."""

    hour: float
    kind: str
    devices: tuple[str, ...]


A_DAY = (
    Planned(1.2, "firmware_update", ("ap-g",)),
    Planned(3.0, "ups_battery_aged", ("ups-1",)),
    Planned(4.6, "defrost", ("freezer-1",)),
    Planned(6.0, "compressor_failure", ("freezer-2",)),
    Planned(8.1, "fridge_delivery", ("fridge-1",)),
    Planned(9.2, "uplink_lost", ("router-1",)),
    Planned(10.7, "fire_drill", ("smoke-1",)),
    Planned(11.8, "lift_entrapment", ("lift-2",)),
    Planned(12.6, "angry_invoice", ("doorbell-1", "thermostat-3", "printer-1")),
    Planned(13.4, "medical_fridge_left_open", ("vaccine-1",)),
    Planned(14.4, "lift_inspection", ("lift-1",)),
    Planned(15.1, "water_leak", ("washer-2",)),
    Planned(16.3, "ups_self_test", ("ups-1",)),
    Planned(17.2, "charger_overheats", ("evcharger-1", "evcharger-2")),
    Planned(18.9, "smouldering", ("smoke-3",)),
    Planned(20.2, "gas_leak", ("gas-1",)),
    Planned(22.0, "forced_entry", ("lock-back",)),
)

_QUICK = (
    *("defrost", "compressor_failure", "uplink_lost", "angry_invoice", "water_leak"),
    *("charger_overheats", "forced_entry"),
)
A_QUICK_DAY = tuple(planned for planned in A_DAY if planned.kind in _QUICK)


def incidents_of(plan: tuple[Planned, ...], building: Building, start_us: int, seed: int) -> tuple[Incident, ...]:
    """Return what happens on a day that starts at `start_us`: each thing up to a quarter of an hour off its hour."""
    incidents = []
    for number, planned in enumerate(plan):
        if planned.kind not in KINDS:
            raise ValueError(f"expected a kind of incident, one of {', '.join(KINDS)}, got {planned.kind!r}")
        name = f"{planned.kind}-{number}"
        rng = seeded(seed, name)
        begin_us = start_us + round((planned.hour + rng.uniform(-0.25, 0.25)) * HOUR_US)
        story = Story(building, _one_of(planned, building, rng), begin_us, rng)
        kind = KINDS[planned.kind]
        kind.tell(story)
        incidents.append(story.end(name, kind))
    return tuple(sorted(incidents, key=lambda incident: incident.start_us))


def _one_of(planned: Planned, building: Building, rng: Random) -> Device:
    """Choose among the devices that this building has; the choice takes one draw, whatever there is to choose from."""
    present = [device for device in building.devices if device.device_id in planned.devices]
    if not present:
        raise ValueError(f"{planned.kind} needs one of {', '.join(planned.devices)}, {building.site} has none")
    return present[int(rng.random() * len(present))]
