"""Reading Kafka as one thread does: any partition from any offset, fast when it goes on where it stopped.

What a fetch brings is put on a shelf for each partition; it asks for all of a topic whose shelves are empty. When a
shelf empties and the log goes on, the next fetch is sent off before the thread works on what it took, and lies in the
socket when it comes back. Only committed records are seen; markers of transactions and aborted records are holes.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from kafka.errors import OffsetOutOfRangeError, for_code

from infra.broker import BrokerAway, BrokerUnavailable, TopicPartition
from infra.kafka.batch_reading import UnreadableBatch
from infra.kafka.connection import KafkaConnection
from infra.kafka.errors import translated
from infra.kafka.fetch import Fetched, fetch_request, fetched
from infra.kafka.places import FIRST, LAST, NOWHERE, places
from infra.kafka.shelf import Holes, Shelf
from infra.kafka.wire import KafkaWire, NoAnswer
from schemas.record import Record

_BACKOFF_S = 0.05
# A fetch that waits for news is answered by the broker in time; leave it so much more before looking elsewhere.
_GRACE_S = 0.02


class KafkaReader:
    """What one thread reads; see the port, infra/broker.py, for what the methods mean."""

    def __init__(self, connection: KafkaConnection, holes: Holes) -> None:
        self._connection = connection
        self._names = connection.names
        self._holes = holes
        self._section = connection.section
        # Answers come in the order of the questions, so one that waits for news has a connection of its own.
        self._fetching = KafkaWire(connection)
        self._asking = KafkaWire(connection)
        self._shelves: dict[TopicPartition, Shelf] = {}
        self._under_way: dict[int, tuple[Any, Mapping[TopicPartition, int]]] = {}

    def close(self) -> None:
        """Drop the connections."""
        self._fetching.close()
        self._asking.close()

    def ends(self, parts: Sequence[TopicPartition], *, committed: bool = True) -> dict[TopicPartition, int]:
        """Return where these partitions end, holes included; one question a server.

        Without `committed` what open transactions have written counts too.
        """
        outer = {self._outer(part): part for part in parts}
        found = places(self._asking, list(outer), LAST, committed=committed)
        return {outer[part]: offset for part, offset in found.items()}

    def news(self, parts: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return where these partitions end; who reads them all, and has nothing left, has then fetched what is new.

        So one question tells both; any other way of asking would be followed by a fetch.
        """
        shelves = {part: self._shelves.get(part) for part in parts}
        if self._under_way or any(shelf is None or shelf.records for shelf in shelves.values()):
            return self.ends(parts)
        for node, own in self._by_leader(parts).items():
            self._ask(node, own, wait_s=0.0)
        until = time.monotonic() + self._section.request_timeout_s
        errors: dict[TopicPartition, int] = {}
        try:
            for node in list(self._under_way):
                errors |= self._await_answer(node, until)
        except NoAnswer:  # a connection broke, or a server is gone: the question is asked again while there is time
            if time.monotonic() > until:
                raise
            return self.ends(parts)
        if errors:  # a leader has moved, or what was here is gone: who reads mends it
            return self.ends(parts)
        ends: dict[TopicPartition, int] = {}
        for part, shelf in shelves.items():
            assert shelf is not None
            ends[part] = shelf.end
            if not shelf.records and shelf.position > shelf.expected:
                self._holes.note(part, shelf.expected, shelf.position)
        return ends

    def begins(self, parts: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the first offsets that are kept."""
        outer = {self._outer(part): part for part in parts}
        return {outer[part]: offset for part, offset in places(self._asking, list(outer), FIRST).items()}

    def offset_at(self, part: TopicPartition, timestamp_us: int) -> int | None:
        """Return the first offset appended at or after a time; None when there is none."""
        at_ms = max(-(-timestamp_us // 1000), 0)
        found = places(self._asking, [self._outer(part)], at_ms)[self._outer(part)]
        return None if found == NOWHERE else found

    def read(self, part: TopicPartition, offset: int, *, max_records: int, max_bytes: int) -> list[Record]:
        """Return records from `offset` on, at least one if there is any."""
        shelf = self._shelves.get(part)
        if shelf is None or not shelf.reaches(offset):
            shelf = self._shelves[part] = Shelf(offset, offset)
        shelf.skip_to(offset)
        if not shelf.records:
            self._fill(part, shelf)
            if not shelf.records:
                if shelf.position > offset:
                    self._holes.note(part, offset, shelf.position)
                return []
        taken = shelf.take(max_records, max_bytes)
        if not shelf.records:
            if shelf.position > shelf.expected:
                # Behind the last record lies the marker of its transaction: who knows that need not ask what is there.
                self._holes.note(part, shelf.expected, shelf.position)
            self._fetch_ahead(part, shelf)
        return taken

    def wait(self, timeout_s: float) -> None:
        """Return when records have come for a partition that this thread reads, or after `timeout_s`."""
        waiting = [part for part, shelf in self._shelves.items() if not shelf.records]
        if not waiting:
            time.sleep(timeout_s)
            return
        for node, parts in self._by_leader(waiting).items():
            if node not in self._under_way:
                self._ask(node, parts, wait_s=timeout_s)
        self._fetching.look_after([future for future, _ in self._under_way.values()], timeout_s + _GRACE_S)
        for node in [node for node, (future, _) in self._under_way.items() if future.is_done]:
            try:
                self._take_answer(node)
            except NoAnswer:  # whoever asks for something next hears it, or finds another server
                time.sleep(min(_BACKOFF_S, timeout_s))

    def _fill(self, part: TopicPartition, shelf: Shelf) -> None:
        """Fetch until there is a record of this partition, or it is sure that there is none.

        While leaders move or connections are made again it is asked once more, up to `request_timeout_s`.
        """
        until = time.monotonic() + self._section.request_timeout_s
        while True:
            node, parts = self._with_its_neighbours(part)
            # The answer to a question of before says nothing about what has been written since.
            new = node not in self._under_way
            if new:
                self._ask(node, parts, wait_s=0.0)
            try:
                error = self._await_answer(node, until).get(part, 0)
            except NoAnswer:
                if time.monotonic() > until:
                    raise
                time.sleep(_BACKOFF_S)
                continue
            if shelf.records or (new and not error and shelf.position >= shelf.end):
                return
            if error:
                if time.monotonic() > until:
                    name = for_code(error).__name__
                    raise BrokerAway(f"{self._connection.url}: still {name} while reading {part} at {shelf.position}")
                if not self._mend(part, shelf, error):
                    return

    def _mend(self, part: TopicPartition, shelf: Shelf, error: int) -> bool:
        """Do what an error asks for; False when it says that there is nothing to read."""
        kind = for_code(error)
        if kind is OffsetOutOfRangeError:
            first = self.begins([part])[part]
            if shelf.position >= first:
                return False  # behind the end
            shelf.position = first  # retention has passed over it
            return True
        if not kind.retriable:
            raise translated(self._connection, f"reading {part}", kind())
        self._fetching.forget_leaders()
        time.sleep(_BACKOFF_S)
        return True

    def _fetch_ahead(self, part: TopicPartition, shelf: Shelf) -> None:
        """Send off the next fetch if the log goes on, so that it is here when the thread comes back."""
        if shelf.position >= shelf.end:
            return
        [node] = self._by_leader([part])
        if node not in self._under_way:
            self._ask(node, [part], wait_s=0.0)

    def _ask(self, node: int, parts: Sequence[TopicPartition], *, wait_s: float) -> None:
        asked = {self._outer(part): self._shelves[part].position for part in parts}
        future = self._fetching.begin(
            fetch_request(asked, wait_s=wait_s, partition_bytes=self._section.prefetch_bytes), node
        )
        self._under_way[node] = (future, asked)

    def _await_answer(self, node: int, until: float) -> dict[TopicPartition, int]:
        future, _ = self._under_way[node]
        self._fetching.look_after([future], max(until - time.monotonic(), 0.0))
        return self._take_answer(node)

    def _take_answer(self, node: int) -> dict[TopicPartition, int]:
        """Put an answer on the shelves; return the errors of partitions."""
        future, asked = self._under_way.pop(node)
        try:
            answer = self._fetching.answer(future)
        except NoAnswer:
            self._fetching.forget_leaders()
            raise
        errors: dict[TopicPartition, int] = {}
        try:
            for one in fetched(answer, asked, most_bytes=self._section.max_decompressed_bytes):
                part = TopicPartition(self._names.inner(one.part.topic) or "", one.part.partition)
                if one.error:
                    errors[part] = one.error
                else:
                    self._put(part, one)
        except UnreadableBatch as error:
            raise BrokerUnavailable(f"{self._connection.url}: {error}") from error
        return errors

    def _put(self, part: TopicPartition, one: Fetched) -> None:
        shelf = self._shelves.get(part)
        # Else the thread has gone elsewhere meanwhile.
        if shelf is not None and shelf.position == one.asked:
            shelf.put(one.records, one.behind, one.end)

    def _with_its_neighbours(self, part: TopicPartition) -> tuple[int, list[TopicPartition]]:
        """Return a partition's server; and it with the others of its topic there whose shelves are empty, too."""
        empty = [one for one, shelf in self._shelves.items() if one.topic == part.topic and not shelf.records]
        return next((node, parts) for node, parts in self._by_leader([part, *empty]).items() if part in parts)

    def _by_leader(self, parts: Sequence[TopicPartition]) -> dict[int, list[TopicPartition]]:
        outer = {part: (self._names.outer(part.topic), part.partition) for part in parts}
        leaders = self._fetching.leaders(outer.values())
        found: dict[int, list[TopicPartition]] = defaultdict(list)
        for part, name in outer.items():
            found[leaders[name]].append(part)
        return found

    def _outer(self, part: TopicPartition) -> TopicPartition:
        return TopicPartition(self._names.outer(part.topic), part.partition)
