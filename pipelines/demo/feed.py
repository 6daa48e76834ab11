"""The devices' side: puts simulated events on the broker in their order, a little ahead of what the job has done."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from itertools import islice

from infra.broker import Broker, TopicPartition
from pipelines.demo.simulate import Simulation
from schemas.catalog import ENRICHED, INPUTS
from schemas.dead_letters import DEAD_LETTERS
from schemas.topic import Topic

TOPICS = (*INPUTS, *ENRICHED, DEAD_LETTERS)
_LEAST_AHEAD, _MOST_AHEAD = 200, 4000


class Feed:
    """Produces a simulation's events. `run` is for a thread of its own; what it counts may be read from any.

    `planted` are the ids of the events that something planted made, with its name; `counts` says how many events of
    each topic the broker has been given.
    """

    def __init__(self, simulation: Simulation, broker: Broker, group: str) -> None:
        self.planted: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self._simulation = simulation
        self._broker = broker
        self._group = group
        # Times of the events in each partition of the enriched topics, where they will lie in the order of the input.
        self._times: defaultdict[TopicPartition, list[int]] = defaultdict(list)
        judged = self._judged()
        self._judged_before = {part: judged.get(part, 0) for topic in ENRICHED for part in _parts(topic)}
        self._failed_before = self._failed()
        # Enough waits that the models have whole batches to read; little enough that alerts come as the day goes by.
        self._look_ahead = min(max(simulation.about // 25, _LEAST_AHEAD), _MOST_AHEAD)

    @property
    def produced(self) -> int:
        """How many events the broker has been given."""
        return self.counts.total()

    def understood(self) -> tuple[int, int]:
        """Return how many events were judged for alerts, and the simulated time until which all of them were."""
        total, waiting = self._failed() - self._failed_before, []
        newest = self._simulation.first_us
        places = self._judged()
        for part, before in self._judged_before.items():
            judged, times = places.get(part, 0) - before, self._times[part]
            total += judged
            if judged < len(times):
                waiting.append(times[judged])
            if times:
                newest = max(newest, times[-1])
        return total, min(waiting, default=newest)

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
            places = self._broker.append([envelope.record(number, event) for number, event in chunk])
            for (_, event), (partition, _) in zip(chunk, places, strict=True):
                self._times[TopicPartition(f"{event.topic}.enriched", partition)].append(event.time_us)
            self.counts.update(event.topic for _, event in chunk)
            while self.produced - self.understood()[0] > self._look_ahead and not stop.is_set():
                self._broker.wait(0.01)

    def _judged(self) -> dict[TopicPartition, int]:
        return {part: at.next_offset for part, at in self._broker.places(f"{self._group}-alerts").items()}

    def _failed(self) -> int:
        return sum(self._broker.ends([DEAD_LETTERS.name]).values())


def _parts(topic: Topic) -> list[TopicPartition]:
    return [TopicPartition(topic.name, partition) for partition in range(topic.partitions)]
