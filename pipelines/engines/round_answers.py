"""What a broker answered in one round of a loop: asked once, though each of a pipeline's streams wants to know.

How far upstream has come is a question to all of its streams at once. Who asked earlier in the same round heard less,
never more, so what follows from the older answer is only more careful.
"""

from __future__ import annotations

from collections.abc import Mapping

from infra.broker import Broker, Offset, TopicPartition


class RoundAnswers:
    """Answers are kept from `begin` to the next `begin`; before the first one nothing is kept."""

    def __init__(self, broker: Broker) -> None:
        """Nothing is asked yet."""
        self._broker = broker
        self._keeps = False
        self._places: dict[str, Mapping[TopicPartition, Offset]] = {}
        self._settled: dict[str, bool] = {}

    def begin(self) -> None:
        """A round begins: ask anew."""
        self._keeps = True
        self._places.clear()
        self._settled.clear()

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
            if self._keeps:
                self._settled[topic] = found
        return found
