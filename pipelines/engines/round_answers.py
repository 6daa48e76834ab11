"""What a broker answered in one round of a loop: asked once, though each of a pipeline's streams wants to know.

How far upstream has come is a question to all of its streams at once. Who asked earlier in the same round heard less,
never more, so what follows from the older answer is only more careful.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

from infra.broker import Broker, Offset, TopicPartition

T = TypeVar("T")


class RoundAnswers:
    """Answers are kept from `begin` to the next `begin`; before the first one nothing is kept.

    Ends are younger than what is settled, and than the places of who writes there, which are to be asked for first: so
    who has read up to an end has read all that lay there when it was asked how far its writers had come.
    """

    def __init__(self, broker: Broker, topics: Sequence[str] = ()) -> None:
        """Nothing is asked yet. Of `topics` the ends are asked together."""
        self._broker = broker
        self._topics = topics
        self._keeps = False
        self._places: dict[str, Mapping[TopicPartition, Offset]] = {}
        self._settled: dict[str, bool] = {}
        self._ends: dict[TopicPartition, int] = {}
        self._found: dict[Hashable, Any] = {}

    @property
    def keeps(self) -> bool:
        """Whether an answer is kept: where it is not, who asks for much asks often."""
        return self._keeps

    def begin(self) -> None:
        """A round begins: ask anew."""
        self._keeps = True
        self._places.clear()
        self._settled.clear()
        self._ends.clear()
        self._found.clear()

    def places(self, group: str) -> Mapping[TopicPartition, Offset]:
        """Return where a group goes on."""
        found = self._places.get(group)
        if found is None:
            found = self._broker.places(group)
            if self._keeps:
                self._places[group] = found
        return found

    def settled(self, topic: str) -> bool:
        """Tell whether everything that is written in a topic can be read; to be asked behind `places`."""
        found = self._settled.get(topic)
        if found is None:
            found = self._broker.settled([topic])
            self._ends.clear()
            if self._keeps:
                self._settled[topic] = found
        return found

    def ends(self, topics: Sequence[str]) -> Mapping[TopicPartition, int]:
        """Return where the partitions of these topics end, as the port's `ends`; while answers are kept only."""
        known = {part.topic for part in self._ends}
        if missing := sorted({topic for topic in topics if topic not in known}):
            self._ends |= self._broker.ends(missing)
        return self._ends

    def is_read(self, part: TopicPartition, offset: int) -> bool:
        """Whether nothing lies from an offset on, as far as that is known without asking for it alone."""
        return self._keeps and self.end(part) <= offset

    def found(self, name: Hashable, find: Callable[[], T]) -> T:
        """Return what follows from the answers, found out once: what several streams would find out alike."""
        if not self._keeps:
            return find()
        if name not in self._found:
            self._found[name] = find()
        known: T = self._found[name]
        return known

    def end(self, part: TopicPartition) -> int:
        """Return an offset that everything in a partition lies before: the last of its kind while none is kept."""
        return self.ends([*self._topics, part.topic])[part] if self._keeps else self._broker.bounds(part)[1]
