"""The input of the sameness suite: a simulated day with planted incidents, and everything that makes engines differ.

First comes the registry of the devices. Beside the demo's events, by seed: rows that come long after their time,
records that are no row, and at the end a row in each partition of each topic that moves its time hours on. So every
deadline falls due by a row of the log, and runs need neither a clock nor ticks to be compared. A minute behind it comes
another one: what follows the time of others (a merge) gives out the first of them by that, and holds the second until
its input ends, which a stream's never does; nothing comes of the second, so it makes no difference.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

import orjson

from infra.partitioner import partition_of_key
from pipelines.demo.building import MULBERRY_CORNER, MULBERRY_HOUSE
from pipelines.demo.event import DemoEvent, rfc3339
from pipelines.demo.plan import A_DAY, A_QUICK_DAY
from pipelines.demo.registry import registry
from pipelines.demo.simulate import Simulation
from schemas.catalog import INPUTS
from schemas.record import Append

END_US: Final = 1_772_409_600_000_000  # 2026-03-02, a midnight: long ago on any machine's clock
CLOSING_US: Final = 6 * 3_600_000_000
HELD_US: Final = CLOSING_US + 60_000_000
TEN_YEARS_US: Final = 10 * 365 * 86_400_000_000
SMALL: Final = 5_000  # below so many events the small building and its quick day
LATE_SHARE, BAD_SHARE = 0.01, 0.005
SOONEST_LATE, LATEST_LATE = 50, 500  # how many events later a late one comes

# What is no row of any topic, each with why: not JSON, not UTF-8, another type, the wrong types, from the future.
BAD: Final[tuple[bytes, ...]] = (
    b"{",
    b"\xff\xfe",
    b"[1, 2]",
    b'{"device_id": 7, "event_time": "2026-03-01T10:00:00Z"}',
    b'{"device_id": "%s", "event_time": "soon"}',
)


@dataclass(frozen=True)
class SameInput:
    """Records in their order of arrival. `seed` and `about` make them, byte for byte."""

    seed: int
    about: int

    def records(self) -> list[Append]:
        """Return all of them."""
        rng = Random(f"sameness/{self.seed}")
        return [*self._registry(), *self._disturbed(rng), *self._closing()]

    @property
    def simulation(self) -> Simulation:
        """The day that is simulated; its `incidents` are what was planted."""
        building, plan = (MULBERRY_CORNER, A_QUICK_DAY) if self.about < SMALL else (MULBERRY_HOUSE, A_DAY)
        return Simulation(building, plan, self.seed, END_US, self.about)

    def _registry(self) -> Iterator[Append]:
        yield from registry(self.simulation.building, self.simulation.first_us)

    def _disturbed(self, rng: Random) -> Iterator[Append]:
        simulation = self.simulation
        envelope = simulation.envelope
        waiting: list[tuple[int, int, Append]] = []
        for number, event in enumerate(simulation.events()):
            while waiting and waiting[0][0] <= number:
                yield heapq.heappop(waiting)[2]
            record = envelope.record(number, event)
            if rng.random() < LATE_SHARE:
                heapq.heappush(waiting, (number + rng.randint(SOONEST_LATE, LATEST_LATE), number, record))
                continue
            if rng.random() < BAD_SHARE:
                yield self._bad(record, event, rng)
            yield record
        while waiting:
            yield heapq.heappop(waiting)[2]

    def _bad(self, record: Append, event: DemoEvent, rng: Random) -> Append:
        choice = rng.randrange(len(BAD) + 1)
        if choice < len(BAD):
            return Append(record.topic, record.key, BAD[choice].replace(b"%s", record.key or b""))
        fields = {"device_id": event.device_id, "event_time": rfc3339(event.time_us + TEN_YEARS_US), **event.fields}
        return Append(record.topic, record.key, orjson.dumps(fields), (("ce_id", b"future"), ("ce_source", b"clock")))

    def _closing(self) -> Iterator[Append]:
        """Give two harmless rows a partition, from devices whose names fall there, six hours after the day."""
        fields: dict[str, dict[str, object]] = {
            "device.logs": {"severity": "indeterminate", "component": "cron", "message": "session closed"},
            "customer.messages": {"text": "thank you, all is well", "language": "en"},
            "alarms": {"code": "SELFTEST", "text": "self test passed", "state": "clear"},
            "device.telemetry": {"metric": "uptime_h", "value": 1.0},
        }
        envelope = self.simulation.envelope
        number = 1_000_000_000  # behind every event's own number
        for after_us in (CLOSING_US, HELD_US):
            for topic in INPUTS:
                for partition in range(topic.partitions):
                    device = _device_in(partition, topic.partitions)
                    number += 1
                    event = DemoEvent(topic.name, device, END_US + after_us, fields[topic.name])
                    yield envelope.record(number, event)


def _device_in(partition: int, partitions: int) -> str:
    names = (f"closing-{i}" for i in range(10_000))
    return next(name for name in names if partition_of_key(name.encode(), partitions) == partition)
