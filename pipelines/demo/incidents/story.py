"""Telling an incident: minutes after its start, what is logged, said, measured and raised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from pipelines.demo.building import Building, Device
from pipelines.demo.chatter.chatter import Line
from pipelines.demo.event import DemoEvent, log_event
from pipelines.demo.incidents.incident import SETTLING_US, Effect, Incident
from pipelines.demo.phrases import fill
from schemas.alarms import ALARMS
from schemas.customer_messages import CUSTOMER_MESSAGES

MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of incident: the types of device it happens to, and how it is told.

    `held_out` kinds are written down before anything is tuned on the others, and left out while it is tuned.
    """

    name: str
    device_types: tuple[str, ...]
    tell: Callable[[Story], None]
    harmless: bool = False
    held_out: bool = False


class Story:
    """Collects what one incident does. Minutes count from its start, and are stretched by a factor of this telling."""

    def __init__(self, building: Building, device: Device, start_us: int, rng: Random) -> None:
        self.building = building
        self.device = device
        self.rng = rng
        self._start_us = start_us
        self._stretch = rng.uniform(0.9, 1.15)
        self._devices = [device.device_id]
        self._signals: list[DemoEvent] = []
        self._effects: list[Effect] = []
        self._alarm_us: int | None = None
        self._title = ""
        self._end_us = start_us

    def title(self, title: str, *, minutes: float) -> None:
        """Say in a few words what happens, and how long it lasts."""
        self._title = title
        self._end_us = self._time(minutes)

    def logs(self, table: str, device: Device | None = None) -> None:
        """Log the lines of a drawn table, `minutes | severity | component | phrase`, a few seconds earlier or later."""
        for row in table.splitlines():
            if row.strip():
                minutes, *cells = (cell.strip() for cell in row.split(" | ", 3))
                self._log(device or self.device, self._time(float(minutes)), Line(*cells))

    def repeat(self, first: float, last: float, every: float, table: str, device: Device | None = None) -> None:
        """Log one line of a drawn table (`severity | component | phrase`) every so many minutes, by turns at random."""
        rows = [Line(*(cell.strip() for cell in row.split(" | ", 2))) for row in table.splitlines() if row.strip()]
        minutes = first
        while minutes < last:
            self._log(device or self.device, self._time(minutes), self.rng.choice(rows))
            minutes += every * self.rng.uniform(0.7, 1.3)

    def message(
        self, minutes: float, language: str, *ways: str, device: Device | None = None, channel: str = "app"
    ) -> None:
        """Let a customer write, in one of several ways of saying it."""
        where = device or self.device
        fields: dict[str, object] = {
            "text": fill(self.rng.choice(ways), self.rng),
            "language": language,
            "channel": channel,
            "conversation": f"c-{self.rng.randrange(10_000, 99_999)}",
        }
        self._signal(DemoEvent(CUSTOMER_MESSAGES.name, where.device_id, self._time(minutes), fields))

    def alarm(
        self,
        minutes: float,
        code: str,
        severity: str,
        text: str,
        *,
        cleared: float | None = None,
        device: Device | None = None,
        hard: bool = True,
    ) -> None:
        """Raise an alarm, and clear it at minute `cleared`; the first `hard` one is the incident's hard alarm."""
        where = device or self.device
        raised_us = self._time(minutes)
        spoken = fill(text, self.rng)
        fields: dict[str, object] = {"code": code, "text": spoken, "perceived_severity": severity, "state": "raise"}
        self._signal(DemoEvent(ALARMS.name, where.device_id, raised_us, fields))
        if cleared is not None:
            fields = {"code": code, "text": spoken, "perceived_severity": "cleared", "state": "clear"}
            self._signal(DemoEvent(ALARMS.name, where.device_id, self._time(cleared), fields))
        if hard and (self._alarm_us is None or raised_us < self._alarm_us):
            self._alarm_us = raised_us

    def reading(self, metric: str, *points: tuple[float, float], device: Device | None = None) -> None:
        """Add an amount to a metric's readings, along straight lines between (minutes, amount)."""
        where = device or self.device
        by_size = self.rng.uniform(0.92, 1.1)
        timed = tuple((self._exactly(minutes), round(amount * by_size, 4)) for minutes, amount in points)
        self._effects.append(Effect(where.device_id, metric, timed))
        self._touch(where.device_id)

    def end(self, name: str, kind: Kind) -> Incident:
        """Return the incident as told."""
        signals = sorted(self._signals, key=lambda event: event.time_us)
        return Incident(
            name=name,
            kind=kind.name,
            title=self._title,
            harmless=kind.harmless,
            devices=tuple(self._devices),
            start_us=self._start_us,
            end_us=max([self._end_us, *self._settled(), *(signal.time_us for signal in signals)]),
            alarm_us=self._alarm_us,
            signals=tuple(
                DemoEvent(signal.topic, signal.device_id, signal.time_us, signal.fields, cause=name)
                for signal in signals
            ),
            effects=tuple(self._effects),
        )

    def _settled(self) -> list[int]:
        return [effect.points[-1][0] + SETTLING_US for effect in self._effects]

    def _log(self, device: Device, time_us: int, line: Line) -> None:
        self._signal(log_event(device.device_id, time_us, line, self.rng))

    def _signal(self, event: DemoEvent) -> None:
        self._signals.append(event)
        self._touch(event.device_id)

    def _touch(self, device_id: str) -> None:
        if device_id not in self._devices:
            self._devices.append(device_id)

    def _exactly(self, minutes: float) -> int:
        return self._start_us + round(minutes * self._stretch * MINUTE_US)

    def _time(self, minutes: float) -> int:
        """Return the time of a minute, up to six seconds later: devices are no metronomes."""
        return self._exactly(minutes) + self.rng.randrange(6_000_000)
