"""The days of the incident suite: 200 incidents and 200 look-alikes, a third of them left out while anything is tuned.

Written down before the correlator was. What is left out was drawn from the sorted names by a printed seed: of ten kinds
of incident three, of seven kinds of look-alike two, of thirty days (each with a noise seed of its own) ten. A day that
is tuned on has none of the kinds left out; a day left out has nothing but them. So the part left out shares neither
kinds nor noise with the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from pipelines.demo.building import MULBERRY_HOUSE
from pipelines.demo.incidents.catalog import KINDS
from pipelines.demo.plan import Planned

SEED: Final = 20261122
DAYS: Final = 30
FIRST_HOUR, LAST_HOUR = 0.6, 18.4
# Things on one device keep this far apart, for its readings need their time to settle.
APART_H: Final = 5.5


def _drawn(names: Sequence[str], count: int, what: str) -> frozenset[str]:
    return frozenset(Random(f"{SEED}/{what}").sample(sorted(names), count))


_HARMFUL: Final = tuple(sorted(name for name, kind in KINDS.items() if not kind.harmless))
_HARMLESS: Final = tuple(sorted(name for name, kind in KINDS.items() if kind.harmless))

HELD_OUT_INCIDENTS: Final = _drawn(_HARMFUL, 3, "incidents")
HELD_OUT_LOOK_ALIKES: Final = _drawn(_HARMLESS, 2, "look-alikes")
HELD_OUT_DAYS: Final = frozenset(int(day) for day in _drawn([f"{day:02}" for day in range(DAYS)], DAYS // 3, "days"))


@dataclass(frozen=True, slots=True)
class SuiteDay:
    """One day: its number, the seed of its noise, what happens, and whether it is left out while tuning."""

    number: int
    seed: int
    plan: tuple[Planned, ...]
    held_out: bool


def suite_days() -> Iterator[SuiteDay]:
    """Return the thirty days; for tuning are 134 incidents and 134 look-alikes, 66 of each are left out."""
    for held_out, count in ((False, 134), (True, 66)):
        numbers = [day for day in range(DAYS) if (day in HELD_OUT_DAYS) == held_out]
        for place, number in enumerate(numbers):
            share = count * (place + 1) // len(numbers) - count * place // len(numbers)
            yield SuiteDay(number, SEED + number, _plan(number, share, held_out), held_out)


def _plan(number: int, share: int, held_out: bool) -> tuple[Planned, ...]:
    rng = Random(f"{SEED}/plan/{number}")
    planned: list[Planned] = []
    for all_of, left_out in ((_HARMFUL, HELD_OUT_INCIDENTS), (_HARMLESS, HELD_OUT_LOOK_ALIKES)):
        kinds = [kind for kind in all_of if (kind in left_out) == held_out]
        rng.shuffle(kinds)
        for i in range(share):
            planned.append(_placed(kinds[i % len(kinds)], planned, rng))
    return tuple(sorted(planned, key=lambda one: one.hour))


def _placed(kind: str, planned: Sequence[Planned], rng: Random) -> Planned:
    """Find an hour and a device for one thing, away from others on the same device and from its like."""
    devices = [device.device_id for device in MULBERRY_HOUSE.of_type(*KINDS[kind].device_types)]
    apart = APART_H
    while True:
        for _ in range(200):
            hour, device = rng.uniform(FIRST_HOUR, LAST_HOUR), rng.choice(devices)
            near = [one for one in planned if abs(one.hour - hour) < apart]
            if not any(one.devices == (device,) for one in near):
                return Planned(round(hour, 3), kind, (device,))
        apart *= 0.8  # a day is not long enough for everything on one device
