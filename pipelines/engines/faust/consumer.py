"""Faust's consumer and producer as hubbub uses them: whole bundles come in, whole batches go out, no record is dropped.

Everything here stands in the place of something of Faust 0.15.3's; read it beside faust/transport/consumer.py and
faust/transport/drivers/aiokafka.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import OffsetAndMetadata
from aiokafka.structs import TopicPartition as KafkaPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from infra.broker import BrokerAway, Fenced, Offset
from infra.kafka.bounded_batches import bomb_of
from pipelines.engines.faust.delivery import Bundle
from schemas.record import Record


@dataclass(slots=True)
class Bundled:
    """A bundle as it travels through Faust: it looks like one record of Kafka, whose value are many."""

    topic: str
    partition: int
    offset: int
    value: Bundle
    timestamp: int = 0
    timestamp_type: int = 0
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    checksum: int | None = None
    serialized_key_size: int = 0
    serialized_value_size: int = 0


@dataclass(slots=True)
class Calls:
    """What an app tells about itself; called in its event loop, `revoked` in a thread of Faust's."""

    generation: Callable[[], int]
    delivered: Callable[[str, int, Bundle], None]
    revoked: Callable[[], None]
    assigned: Callable[[], None]
    place: Callable[[TP], int | None]
    begins: Callable[[TP, int], None]
    settled: Callable[[], Any]
    ready: Callable[[set[TP]], None]
    failed: Callable[[BaseException], None]


class _Thread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Reads committed records only, makes bundles of what it fetched, and commits offsets with a note."""

    def _create_consumer(self, loop: asyncio.AbstractEventLoop) -> Any:
        consumer = super()._create_consumer(loop)
        # Faust offers this only with its transactions, which lose records; reading is another matter.
        consumer._isolation_level = "read_committed"
        return consumer

    async def _fetch_records(
        self, consumer: Any, active_partitions: set[TP], timeout: float | None = None, max_records: int | None = None
    ) -> Mapping[TP, list[Any]]:
        app = self.consumer.app
        generation = app.calls.generation()
        # A copy: the set changes while this waits, and aiokafka takes an empty one for all partitions, held ones too.
        wanted = set(active_partitions)
        if not wanted:
            return {}
        starts = {tp: _position(consumer, tp) for tp in wanted}
        found = await super()._fetch_records(consumer, wanted, timeout=timeout, max_records=max_records)
        if generation != app.calls.generation():
            # A question from before a rebalance may be answered behind it. Nobody takes these records, so they must
            # be there for the next question.
            for tp, records in found.items():
                if records and consumer._subscription.is_assigned(tp):
                    consumer.seek(tp, records[0].offset)
            return {}
        bundled: dict[TP, list[Any]] = {}
        for tp, records in found.items():
            if not records:
                continue
            # The position steps over what is no record; the last offset does not.
            end = max(records[-1].offset + 1, _position(consumer, tp) or 0)
            bundle = Bundle(generation, starts.get(TP(*tp)), end, [_record(record) for record in records])
            self.consumer.handed[TP(*tp)] = end
            bundled[tp] = [Bundled(tp.topic, tp.partition, end - 1, bundle)]
        return bundled

    async def committed(self, tps: set[TP]) -> dict[TP, int]:
        """Return what the group has committed, for the partitions where it has."""
        found: dict[TP, int] = await self.call_thread(self._committed, tps)
        return found

    async def _committed(self, tps: set[TP]) -> dict[TP, int]:
        consumer = self._ensure_consumer()
        offsets = {tp: await consumer.committed(KafkaPartition(*tp)) for tp in tps}
        return {tp: offset for tp, offset in offsets.items() if offset is not None}

    async def commit_notes(self, offsets: Mapping[TP, Offset]) -> None:
        """Commit offsets with hubbub's notes; Fenced when the partitions are being dealt out anew."""
        await self.call_thread(self._commit_notes, offsets)

    async def _commit_notes(self, offsets: Mapping[TP, Offset]) -> None:
        try:
            await self._ensure_consumer().commit(
                {KafkaPartition(*tp): OffsetAndMetadata(at.next_offset, at.note) for tp, at in offsets.items()}
            )
        except (CommitFailedError, IllegalStateError) as error:
            raise Fenced(f"offsets not committed: {error}") from error
        except KafkaError as error:
            raise BrokerAway(f"offsets not committed: {type(error).__name__}: {error}") from error


class _Consumer(driver.Consumer):  # type: ignore[misc]
    """Makes no topic; remembers how far it has handed records on; begins where memory ends.

    Faust lets sources be fetched before it has set the consumer back to where the group stands, and before it empties
    its queues for the last time; what came too early is lost, as was measured. So here sources are held until the
    rebalance has ended, and begin at the place that was recovered with the memory.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.handed: dict[TP, int] = {}
        # What the group has committed; whether sources are held; the sources that stand at their places.
        self.committed: dict[TP, int] = {}
        self.holding = True
        self.placed: set[TP] = set()
        super().__init__(*arguments, **named)

    def hold(self) -> None:
        """Let no source be fetched until `release`."""
        self.holding = True
        self.placed = set()
        self.handed.clear()

    def release(self) -> bool:
        """Let the sources be fetched; False when they do not stand at their places."""
        sources = {TP(*tp) for tp in self.assignment() if not self._is_changelog_tp(TP(*tp))}
        if self.placed != sources:
            return False
        self.holding = False
        self.resume_partitions(sources)
        return True

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Let partitions be fetched, but no source that is held."""
        found = {TP(*tp) for tp in tps}
        super().resume_partitions({tp for tp in found if self._is_changelog_tp(tp)} if self.holding else found)

    def on_buffer_drop(self, tp: TP) -> None:
        """Let a partition be fetched again that was left out while its buffer was full, unless it is held."""
        if self.holding and not self._is_changelog_tp(tp):
            self._buffered_partitions.discard(tp)
        else:
            super().on_buffer_drop(tp)

    async def perform_seek(self) -> None:
        """Set the sources to their places."""
        if not self.flow_active:
            return  # a rebalance has begun, and ends with another call
        sources = {TP(*tp) for tp in self.assignment() if not self._is_changelog_tp(TP(*tp))}
        found = await self._thread.committed(sources)
        earliest = await self._thread.earliest_offsets(*sources) if sources else {}
        places = {}
        for tp in sources:
            place = self.app.calls.place(tp)
            first = earliest.get(KafkaPartition(*tp)) or 0
            places[tp] = first if place is None else max(first, place)
        await self._thread.seek_wait(places)
        for tp in sources:
            self._read_offset[tp] = None
            self.app.calls.begins(tp, places[tp])
        self.committed, self.placed = found, sources

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def create_topic(self, *arguments: Any, **named: Any) -> None:
        """Do nothing: topics are made by those who are asked to."""


class _Producer(driver.Producer):  # type: ignore[misc]
    """Writes whole batches, each acknowledged by all replicas, without repeats by its own retries."""

    async def create_topic(self, *arguments: Any, **named: Any) -> None:
        """Do nothing: topics are made by those who are asked to."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    async def send_batch(self, batch: BatchBuilder, topic: str, partition: int) -> asyncio.Future[Any]:
        """Hand a batch over; the future ends when the cluster has it."""
        batch.close()
        return cast("asyncio.Future[Any]", await self._ensure_producer().send_batch(batch, topic, partition=partition))


class KafkaTransport(driver.Transport):  # type: ignore[misc]
    """Faust's way to Kafka, with these two."""

    Consumer = _Consumer
    Producer = _Producer


def _position(consumer: Any, tp: TP) -> int | None:
    assignment = consumer._subscription.subscription and consumer._subscription.subscription.assignment
    state = assignment.state_value(KafkaPartition(*tp)) if assignment else None
    return state.position if state is not None and state.has_valid_position else None


def _record(record: Any) -> Record:
    if record.headers and (bomb := bomb_of(record.headers)):
        return Record(record.offset, record.timestamp * 1000, None, None, (), bomb)
    if bomb := bomb_of(record.headers):
        return Record(record.offset, max(record.timestamp, 0) * 1000, None, None, (), bomb)
    headers = tuple((name, value if value is not None else b"") for name, value in record.headers)
    return Record(record.offset, record.timestamp * 1000, record.key, record.value, headers)
