"""Energy in the demo: the meters of Mulberry House for some weeks, with waste planted in the last one."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from pipelines.demo.event import DemoEvent, Envelope, rfc3339
from pipelines.demo.phrases import seeded
from schemas.device_telemetry import DEVICE_TELEMETRY

METRIC = "demand"
INTERVAL_US = 900_000_000
HOUR_US = 3_600_000_000
WEEK_US = 168 * HOUR_US
SITE = "mulberry-house"


@dataclass(frozen=True)
class Meter:
    """A meter: kW that are always used, and those added by people, by day of the week (Monday first) and hour."""

    device_id: str
    place: str
    base_kw: float
    people_kw: float
    opens: float
    closes: float
    days: tuple[float, ...]

    def usual(self, week_hour: float) -> float:
        """Return what is used at an hour of the week, 0 on Monday at midnight."""
        day, hour = int(week_hour // 24), week_hour % 24
        inside = _step(hour, self.opens) - _step(hour, self.closes)
        return self.base_kw + self.people_kw * self.days[day] * inside


@dataclass(frozen=True)
class Waste:
    """What is planted: so many kW more than usual, from an hour of the last week on. `harmless` in working hours."""

    device_id: str
    title: str
    from_hour: float
    hours: float
    kw: float
    harmless: bool = False


METERS = (
    Meter("meter-shop", "corner shop", 3.1, 4.2, 7.0, 20.0, (1, 1, 1, 1, 1.15, 1.2, 0.15)),
    Meter("meter-offices", "1st and 2nd floor", 2.4, 11.0, 8.0, 18.5, (1, 1.05, 1.05, 1, 0.85, 0.06, 0.02)),
    Meter("meter-flats", "3rd floor", 0.9, 2.6, 16.5, 23.0, (1, 1, 1, 1, 1.1, 1.3, 1.25)),
)
WASTE = (
    Waste("meter-offices", "heaters left on over night", 44.0, 9.5, 4.0),
    Waste("meter-shop", "freezer door ajar over night", 71.2, 8.0, 2.2),
    Waste("meter-offices", "ventilation runs all weekend", 115.0, 48.0, 3.2),
    Waste("meter-offices", "workshop, all day", 81.0, 7.0, 4.0, harmless=True),
)


@dataclass(frozen=True)
class EnergySimulation:
    """The meters' readings of `weeks` before `end_us`, a Monday at midnight UTC; the last week has the waste."""

    seed: int
    end_us: int
    weeks: int = 5

    @property
    def first_us(self) -> int:
        """When the readings begin."""
        return self.end_us - self.weeks * WEEK_US

    @property
    def last_week_us(self) -> int:
        """When the week with the waste begins."""
        return self.end_us - WEEK_US

    @property
    def envelope(self) -> Envelope:
        """What gives each event its CloudEvents headers, and so its id."""
        return Envelope(f"/{SITE}/energy/{self.seed}/{rfc3339(self.end_us)}")

    def span_us(self, waste: Waste) -> tuple[int, int]:
        """Return when something planted begins and ends."""
        begin = self.last_week_us + round(waste.from_hour * HOUR_US)
        return begin, begin + round(waste.hours * HOUR_US)

    def events(self) -> Iterator[DemoEvent]:
        """Yield the readings of all meters in order of time."""
        streams = [self._readings(meter, seeded(self.seed, f"energy/{meter.device_id}")) for meter in METERS]
        return heapq.merge(*streams, key=lambda event: event.time_us)

    def _readings(self, meter: Meter, rng: Random) -> Iterator[DemoEvent]:
        planted = [(waste, *self.span_us(waste)) for waste in WASTE if waste.device_id == meter.device_id]
        time_us, deviation = self.first_us + rng.randrange(INTERVAL_US), 0.0
        while time_us < self.end_us:
            deviation = 0.7 * deviation + rng.gauss(0, 0.025)
            hour = (time_us - self.first_us) % WEEK_US / HOUR_US
            value = meter.usual(hour) * (1 + deviation)
            cause = None
            for waste, begin, end in planted:
                if begin <= time_us < end:
                    value, cause = value + waste.kw, waste.title
            fields: dict[str, object] = {"metric": METRIC, "value": round(max(0.0, value), 3), "unit": "kW"}
            yield DemoEvent(DEVICE_TELEMETRY.name, meter.device_id, time_us, fields, cause)
            time_us += INTERVAL_US


def _step(hour: float, middle: float) -> float:
    return 1 / (1 + math.exp(-3.0 * (hour - middle)))
