"""One look at a broker: how far each group is and how fast, what is open, what failed. What `hubbub top` shows."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from infra.broker import Broker, TopicPartition
from pipelines.lag import lags_of
from pipelines.watching.open_alerts import OpenAlerts
from schemas.dead_letters import DEAD_LETTERS


@dataclass(frozen=True, slots=True)
class GroupLook:
    """How one group stands. `records_per_s` is None at the first look; a group that is through waits 0 s."""

    group: str
    records_per_s: float | None
    lag_records: int
    lag_seconds: float


@dataclass(frozen=True, slots=True)
class Look:
    """Everything at one moment. `alerts` are open ones by (state, severity)."""

    groups: list[GroupLook]
    alerts: Counter[tuple[str, str]]
    dead_letters: int


@dataclass
class Glance:
    """Looks at a broker again and again. `clock` gives seconds since 1970."""

    broker: Broker
    clock: Callable[[], float] = time.time
    _alerts: OpenAlerts = field(init=False)
    _before: dict[str, tuple[float, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Follow alerts from their beginning."""
        self._alerts = OpenAlerts(self.broker)

    def look(self) -> Look:
        """Look now; what is counted a second is since the look before."""
        groups = [self._group(group) for group in self.broker.groups()]
        partitions = self.broker.topics().get(DEAD_LETTERS.name, 0)
        bounds = [self.broker.bounds(TopicPartition(DEAD_LETTERS.name, number)) for number in range(partitions)]
        return Look(groups, self._alerts.count(), sum(end - first for first, end in bounds))

    def _group(self, group: str) -> GroupLook:
        now = self.clock()
        lags = lags_of(self.broker, group)
        place = sum(lag.next_offset for lag in lags)
        before = self._before.get(group)
        self._before[group] = now, place
        rate = None if before is None or now <= before[0] else (place - before[1]) / (now - before[0])
        waiting = max((lag.seconds(int(now * 1e6)) for lag in lags), default=0.0)
        return GroupLook(group, rate, sum(lag.records for lag in lags), waiting)
