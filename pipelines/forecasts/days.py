"""Days to learn forecasts from: the demo's house, in which other things go wrong each day, at other hours."""

from __future__ import annotations

from collections.abc import Collection

from pipelines.demo.building import MULBERRY_HOUSE
from pipelines.demo.incidents.catalog import KINDS
from pipelines.demo.phrases import seeded
from pipelines.demo.plan import Planned
from pipelines.demo.simulate import Simulation

HELD_OUT = ("forced_entry", "gas_leak", "water_leak")
"""Kinds of fault that the shipped model has never met: chosen before it was first measured."""
CHANCE = 0.6
EVENTS = (16_000, 60_000)
# Any day will do: the simulated day begins at midnight UTC.
_END_US = 1_790_208_000_000_000


def day(seed: int, *, without: Collection[str] = (), faults: Collection[str] | None = None) -> Simulation:
    """Return a day on which each kind of thing happens by chance, never those of `without`.

    With `faults`, of what goes wrong only these happen, and each of them does. How often readings are taken, and how
    much is said, differs from day to day.
    """
    rng = seeded(seed, "forecasts")
    plan = []
    for kind in KINDS.values():
        chance, hour, about = rng.random(), rng.uniform(0.6, 21.5), rng.random()
        devices = MULBERRY_HOUSE.of_type(*kind.device_types)
        if kind.name in without or not devices:
            continue
        chosen = faults is not None and not kind.harmless
        if kind.name in (faults or ()) if chosen else chance < CHANCE:
            device = devices[int(about * len(devices))]
            plan.append(Planned(round(hour, 3), kind.name, (device.device_id,)))
    return Simulation(MULBERRY_HOUSE, tuple(plan), seed, _END_US, rng.randrange(*EVENTS))
