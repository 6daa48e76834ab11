"""A second pair of eyes on a running job: it says when records wait in a partition and nothing moves there.

A job that hangs raises no error, and a client library that stops fetching one partition says nothing either.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from infra.broker import Broker, BrokerMismatch, BrokerRefused, BrokerUnavailable, TopicPartition
from pipelines.engines.upstream_time import has_its_time
from pipelines.lag import Lag, lags_of, standing
from pipelines.pipeline import Pipeline
from pipelines.while_working import done_every

LOOK_EVERY_S = 30.0
PATIENCE_S = 60.0
# Who looks while nobody answers is not waited for.
LEAVE_S = 5.0


Waits = Callable[[str, TopicPartition], bool]


def _waits_for_nobody(group: str, part: TopicPartition) -> bool:
    return False


class Watchdog:
    """Looks at the lag of groups; each call of `look` says what has stood still since the last one.

    `say` is called with one sentence for each partition, once until it has moved again. `waits` tells of a group and a
    partition whether what lies there has to wait for another stream's time: who waits does not stand.
    """

    def __init__(
        self,
        broker: Broker,
        groups: Sequence[str],
        say: Callable[[str], None],
        *,
        patience_s: float,
        waits: Waits = _waits_for_nobody,
    ) -> None:
        self._broker = broker
        self._waits = waits
        self._say = say
        self._patience_s = patience_s
        self._seen: dict[str, list[Lag]] = {group: [] for group in groups}
        self._told: set[tuple[str, TopicPartition]] = set()

    def look(self, now_us: int) -> None:
        """Compare with the last look; a broker that is away has others to speak of it."""
        for group, before in self._seen.items():
            with suppress(BrokerUnavailable, BrokerMismatch, BrokerRefused):
                after = lags_of(self._broker, group)
                self._seen[group] = after
                still = standing(before, after, now_us=now_us, patience_s=self._patience_s)
                self._tell(group, [lag for lag in still if not self._waits(group, lag.part)], now_us)

    def _tell(self, group: str, still: Sequence[Lag], now_us: int) -> None:
        self._told = {one for one in self._told if one[0] != group or one[1] in {lag.part for lag in still}}
        for lag in still:
            if (group, lag.part) not in self._told:
                self._told.add((group, lag.part))
                self._say(
                    f"group {group} stands still in {lag.part} at offset {lag.next_offset:,}: {lag.records:,} records "
                    f"wait, the first of them for {lag.seconds(now_us):.0f} s"
                )


@contextmanager
def watching(
    broker: Broker, groups: Sequence[str], say: Callable[[str], None], waits: Waits = _waits_for_nobody
) -> Iterator[None]:
    """Let a watchdog look now and then, from a thread of its own."""
    dog = Watchdog(broker, groups, say, patience_s=PATIENCE_S, waits=waits)
    with done_every(LOOK_EVERY_S, lambda: dog.look(time.time_ns() // 1000), name="watchdog", leave_s=LEAVE_S):
        yield


def waiting_for_others(broker: Broker, prefix: str, pipelines: Sequence[Pipeline], lateness_us: int) -> Waits:
    """Return what tells whether a partition waits for the time of those that feed its pipeline."""
    known = {f"{prefix}-{pipeline.name}": pipeline for pipeline in pipelines}
    return lambda group, part: has_its_time(broker, prefix, known[group], part, lateness_us)
