"""The devices' side: puts simulated events on the broker in their order, a little ahead of what the job has done."""

from __future__ import annotations

import threading
from collections import Counter
from itertools import islice

from infra.broker import Broker, TopicPartition
from pipelines.demo.simulate import Simulation
from schemas.catalog import ENRICHED, INPUTS
from schemas.dead_letters import DEAD_LETTERS
from schemas.topic import Topic

_LEAST_AHEAD, _MOST_AHEAD = 200, 4000


class Feed:
    """Produces a simulation's events. `run` is for a thread of its own; what it counts may be read from any.

    `clock_us` is the simulated time that has been reached, `planted` the ids of the events that something planted
    made, with its name.
    """

    def __init__(self, simulation: Simulation, broker: Broker, group: str) -> None:
        self.clock_us = simulation.start_us
        self.counts: Counter[str] = Counter()
        self.planted: dict[str, str] = {}
        self._simulation = simulation
        self._broker = broker
        self._group = group
        self._before = self._understood()
        # Enough waits that the models have whole batches to read; little enough that alerts come as the day goes by.
        self._look_ahead = min(max(simulation.about // 25, _LEAST_AHEAD), _MOST_AHEAD)

    @property
    def produced(self) -> int:
        """How many events the broker has been given."""
        return self.counts.total()

    def waiting(self) -> int:
        """Return how many events were produced but not yet judged for alerts."""
        return self.produced - (self._understood() - self._before)

    def run(self, stop: threading.Event) -> None:
        """Produce until the day is over or `stop` is set."""
        envelope = self._simulation.envelope
        numbered = enumerate(self._simulation.events())
        while not stop.is_set():
            chunk = list(islice(numbered, self._look_ahead // 4))
            if not chunk:
                return
            for number, event in chunk:
                if event.cause is not None:
                    self.planted[envelope.event_id(number)] = event.cause
            self._broker.append([envelope.record(number, event) for number, event in chunk])
            self.counts.update(event.topic for _, event in chunk)
            self.clock_us = max(event.time_us for _, event in chunk)
            while self.waiting() > self._look_ahead and not stop.is_set():
                self._broker.wait(0.01)

    def _understood(self) -> int:
        """Sum up how far alerts are judged in the enriched topics, each row of which was one event; and failures."""
        through = 0
        for part in _parts(*ENRICHED):
            offset = self._broker.committed(f"{self._group}-alerts", part)
            through += 0 if offset is None else offset.next_offset
        return through + sum(self._broker.bounds(part)[1] for part in _parts(DEAD_LETTERS))


TOPICS = (*INPUTS, *ENRICHED, DEAD_LETTERS)


def _parts(*topics: Topic) -> list[TopicPartition]:
    return [TopicPartition(topic.name, partition) for topic in topics for partition in range(topic.partitions)]
