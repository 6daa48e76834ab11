"""A day in the building as one ordered stream of events: chatter, readings, messages, alarms and what was planted.

Everything follows from the seed, the end of the day and the number of events: no clock is read, no state is shared,
so the same three give the same events byte for byte, and a different end only shifts all times.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from random import Random

from pipelines.demo.building import Building, Device
from pipelines.demo.chatter.catalog import CHATTER
from pipelines.demo.event import DemoEvent, Envelope, log_event, rfc3339
from pipelines.demo.everyday_alarms import everyday_alarms
from pipelines.demo.incidents.incident import Incident
from pipelines.demo.messages import EVERYDAY, everyday_messages
from pipelines.demo.phrases import seeded
from pipelines.demo.plan import Planned, incidents_of
from pipelines.demo.readings import readings

DAY_US = 86_400_000_000
JITTER_US = 3_000_000
"""How much later than an event of the same age one may arrive: devices and radios take their time."""

_TELEMETRY_SHARE = 0.7  # of all events
_SHORTEST_INTERVAL_S = 20
_SCARY, _REBOOT = 0.03, 0.002  # share of a device's utterances


@dataclass(frozen=True)
class Simulation:
    """One simulated day, and before it `learning_days` on which nothing is sent but readings.

    A detector that has never seen a morning takes the first one for news; a building that somebody watches has had
    mornings before. `about` is how many events there should be in all, give or take a tenth: it scales the chatter.
    """

    building: Building
    plan: tuple[Planned, ...]
    seed: int
    end_us: int
    about: int
    learning_days: int = 1

    @property
    def first_us(self) -> int:
        """When the readings begin."""
        return self.start_us - self.learning_days * DAY_US

    @property
    def start_us(self) -> int:
        """When the day itself begins."""
        return self.end_us - DAY_US

    @cached_property
    def incidents(self) -> tuple[Incident, ...]:
        """What was planted, in order of its start: the truth to compare alerts with."""
        return incidents_of(self.plan, self.building, self.start_us, self.seed)

    @property
    def envelope(self) -> Envelope:
        """What gives each event its CloudEvents headers, and so its id."""
        return Envelope(f"/{self.building.site}/{self.seed}/{rfc3339(self.end_us)}")

    def events(self) -> Iterator[DemoEvent]:
        """Yield the events in the order in which they arrive: that of their times, up to a small jitter."""
        day = (self.start_us, self.end_us)
        streams: list[Iterable[DemoEvent]] = [self._within(incident.signals) for incident in self.incidents]
        streams += [self._chatter(device, events) for device, events in self._shares()]
        streams += self._telemetry()
        streams.append(everyday_messages(self.building, day, self._messages, self._rng("messages")))
        streams.append(everyday_alarms(self.building, day, self._alarms, self._rng("alarms")))
        in_order = heapq.merge(*streams, key=lambda event: event.time_us)
        return _delayed(in_order, self._rng("delay"))

    @property
    def _messages(self) -> int:
        return min(len(EVERYDAY), 10 + self.about // 400)

    @property
    def _alarms(self) -> int:
        return 4 + self.about // 2500

    @property
    def interval_s(self) -> int:
        """How often each metric is read."""
        seconds = self._metric_seconds / max(1.0, self.about * _TELEMETRY_SHARE)
        return max(_SHORTEST_INTERVAL_S, 10 * round(seconds / 10))

    @property
    def _metric_seconds(self) -> float:
        metrics = sum(len(device.metrics) for device in self.building.devices)
        return metrics * (self.end_us - self.first_us) / 1e6

    def _rng(self, what: str) -> Random:
        return seeded(self.seed, what)

    def _within(self, events: Iterable[DemoEvent]) -> Iterator[DemoEvent]:
        return (event for event in events if self.start_us <= event.time_us < self.end_us)

    def _telemetry(self) -> Iterator[Iterator[DemoEvent]]:
        for device in self.building.devices:
            for metric in device.metrics:
                yield readings(
                    device.device_id,
                    metric,
                    start_us=self.first_us,
                    end_us=self.end_us,
                    interval_s=self.interval_s,
                    incidents=self.incidents,
                    rng=self._rng(f"readings/{device.device_id}/{metric.name}"),
                )

    def _shares(self) -> Iterator[tuple[Device, float]]:
        """Yield how many log lines each device says on the day, so that the total comes near `about`."""
        planted = sum(len(incident.signals) for incident in self.incidents)
        telemetry = self._metric_seconds / self.interval_s
        lines = max(0.0, self.about - telemetry - planted - self._messages - 2 * self._alarms)
        paces = sum(CHATTER[device.type].pace for device in self.building.devices)
        for device in self.building.devices:
            yield device, lines * CHATTER[device.type].pace / paces

    def _chatter(self, device: Device, count: float) -> Iterator[DemoEvent]:
        """Let one device talk through the day, as often as a Poisson process of `count` lines."""
        if count <= 0:
            return
        chatter, rng = CHATTER[device.type], self._rng(f"chatter/{device.device_id}")
        rate = count / DAY_US
        time_us = self.start_us + round(rng.expovariate(rate))
        while time_us < self.end_us:
            chance = rng.random()
            if chance < _REBOOT:
                for line in chatter.reboot:
                    yield log_event(device.device_id, time_us, line, rng)
                    time_us += rng.randrange(300_000, 4_000_000)
            else:
                line = rng.choice(chatter.scary if chance < _REBOOT + _SCARY else chatter.routine)
                yield log_event(device.device_id, time_us, line, rng)
            time_us += max(1, round(rng.expovariate(rate)))


def _delayed(events: Iterable[DemoEvent], rng: Random) -> Iterator[DemoEvent]:
    """Yield the events by when they arrive: one in ten takes up to the jitter longer than the others."""
    waiting: list[tuple[int, int, DemoEvent]] = []
    for number, event in enumerate(events):
        while waiting and waiting[0][0] <= event.time_us:
            yield heapq.heappop(waiting)[2]
        delay_us = rng.randrange(JITTER_US) if rng.random() < 0.1 else 0
        heapq.heappush(waiting, (event.time_us + delay_us, number, event))
    while waiting:
        yield heapq.heappop(waiting)[2]
