"""One pipeline's Faust worker in an event loop of its own, seen from the thread that does the work."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    GroupAuthorizationFailedError,
    KafkaError,
    MessageSizeTooLargeError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from faust.types import TP

from infra.broker import (
    BrokerAway,
    BrokerMismatch,
    BrokerRefused,
    BrokerUnavailable,
    Fenced,
    Offset,
    Stream,
    TopicPartition,
)
from infra.failpoints import failpoint
from infra.partitioner import partition_of
from pipelines.engines.faust.app import WorkerSettings, make_app, topic_parts
from pipelines.engines.faust.batches import append_to, make_batch, memory_batches
from pipelines.engines.faust.consumer import Calls
from pipelines.engines.faust.delivery import Bundle, Delivery
from pipelines.engines.faust.memory import KeyValue, PartitionMemory
from schemas.record import Append

T = TypeVar("T")
REFUSING = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    GroupAuthorizationFailedError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
)
MISMATCHING = (MessageSizeTooLargeError, UnknownTopicOrPartitionError)
LOOK_EVERY_S = 0.05
# A rebalance waits so long for a commit that is under way.
SETTLE_S = 5.0
STOP_S = 20.0
# What was fetched is in its buffer a moment later.
ARRIVE_S = 30.0


class FaustStopped(BrokerUnavailable):
    """The worker's own machinery has failed: what Faust would only log."""


class FaustWorker:
    """Runs an app in a thread, knows what this worker owns, and writes for it.

    `generation` grows with each rebalance; what was begun under an older one is not written any more.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        *,
        buffer_bytes: int,
        partitions: Callable[[str], int],
        ready_s: float,
    ) -> None:
        self.settings = settings
        self.delivery = Delivery(buffer_bytes, self._pause, self._resume)
        self._partitions = partitions
        self._ready_s = ready_s
        # Generation and partitions, None while they are being dealt out; replaced as one, for two threads look at it.
        self._dealt: tuple[int, dict[TopicPartition, TP]] | None = None
        self._failure: BaseException | None = None
        self._began = threading.Event()
        self._writing: asyncio.Lock | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"faust {settings.id}", daemon=True)
        self._stopping = False
        # Work that has begun, by partition and stream, with the record that says it has ended.
        self.attempts: dict[tuple[int, Stream], KeyValue] = {}
        self._missing: dict[TopicPartition, float] = {}

    @property
    def generation(self) -> int:
        """Which dealing out of the partitions holds."""
        return self.delivery.generation

    def start(self) -> None:
        """Start the app and return; it joins its group in the background."""
        self._thread.start()
        self._began.wait()
        self.check()

    def stop(self) -> None:
        """Leave the group and end the thread; idempotent. One that cannot end is left to the end of the process."""
        if self._stopping:
            return
        self._stopping = True
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join(STOP_S)

    def check(self) -> None:
        """Raise what has gone wrong in the worker's own machinery."""
        if self._failure is not None:
            if isinstance(self._failure, BrokerUnavailable | Fenced):
                raise self._failure
            if isinstance(self._failure, KafkaError):
                raise self._translated(self._failure) from self._failure
            raise FaustStopped(
                f"the Faust worker {self.settings.id} failed: {type(self._failure).__name__}: {self._failure}"
            ) from self._failure

    def owned(self) -> dict[TopicPartition, int]:
        """Return the partitions that this worker has, and the generation; waits for a rebalance that is under way.

        BrokerUnavailable when recovery makes no progress for `ready_s` seconds.
        """
        since, seen = time.monotonic(), -1
        while (dealt := self._dealt) is None:
            self.check()
            if self.table.restored != seen:
                since, seen = time.monotonic(), self.table.restored
            if time.monotonic() - since > self._ready_s:
                raise BrokerUnavailable(
                    f"the Faust worker {self.settings.id} got no partitions, or none of their memory, for "
                    f"{self._ready_s:.0f} s ({self.table.restored} records of memory so far)"
                )
            self.delivery.wait(LOOK_EVERY_S)
        self.check()
        generation, parts = dealt
        self._watch(parts)
        return dict.fromkeys(parts, generation)

    def _watch(self, parts: Mapping[TopicPartition, TP]) -> None:
        """Raise when something was fetched and does not arrive: that partition would stand still for ever."""
        now = time.monotonic()
        missing = {part for part, tp in parts.items() if self.app.consumer.handed.get(tp, -1) > self.delivery.end(part)}
        self._missing = {part: self._missing.get(part, now) for part in missing}
        for part, since in self._missing.items():
            if now - since > ARRIVE_S:
                raise FaustStopped(f"{part}: what was fetched has not arrived for {ARRIVE_S:.0f} s; this is a bug")

    def memory(self, partition: int) -> PartitionMemory:
        """Return what is remembered for a partition number that this worker has."""
        return self.table.memory(partition)

    def committed(self, part: TopicPartition) -> int | None:
        """Return where Kafka's consumer began in a partition: what the group had committed."""
        found: int | None = self.app.consumer.committed.get(self._tp(part))
        return found

    def caught_up(self, part: TopicPartition, end: int) -> bool:
        """Whether everything of a partition before `end` has arrived in its buffer."""
        tp = self._tp(part)
        position = self.call(self.app.consumer.position(tp))
        handed = self.app.consumer.handed.get(tp, -1)
        return position is not None and position >= end and handed <= self.delivery.end(part)

    def end(self, part: TopicPartition) -> int:
        """Return where a partition ends now."""
        tp = self._tp(part)
        return int(self.call(self.app.consumer.highwaters(tp))[tp])

    def write(
        self,
        partition: int,
        generation: int,
        *,
        before: Sequence[KeyValue] = (),
        appends: Sequence[Append] = (),
        after: Sequence[KeyValue] = (),
    ) -> None:
        """Write a step: memory that must stand before its outputs, the outputs, and its memory.

        Each is acknowledged before the next begins. Fenced, without the rest, when the partitions are dealt out anew.
        """
        self.call(self._write(partition, generation, before, appends, after))

    def commit(self, generation: int, offsets: Mapping[TopicPartition, Offset]) -> None:
        """Tell the group where it goes on."""
        self.call(self._commit(generation, offsets))

    def end_attempts(self) -> None:
        """Say that no work is under way any more."""
        self.call(self._end_attempts())

    def call(self, doing: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the worker's loop and return its result."""
        try:
            self.check()
        except BaseException:
            doing.close()
            raise
        future = asyncio.run_coroutine_threadsafe(doing, self._loop)
        try:
            return future.result()
        except KafkaError as error:
            raise self._translated(error) from error

    def _translated(self, error: KafkaError) -> Exception:
        """Return the port's error for one of aiokafka's."""
        told = f"{self.settings.connection.url}: {type(error).__name__}: {error}"
        if isinstance(error, REFUSING):
            return BrokerRefused(told)
        if isinstance(error, MISMATCHING):
            return BrokerMismatch(told)
        return BrokerAway(told) if error.retriable else BrokerUnavailable(told)

    async def _write(
        self,
        partition: int,
        generation: int,
        before: Sequence[KeyValue],
        appends: Sequence[Append],
        after: Sequence[KeyValue],
    ) -> None:
        assert self._writing is not None
        async with self._writing:
            self._check_generation(generation)
            await self._write_memory(partition, before)
            if appends:
                await self._write_outputs(appends)
                failpoint("after_produce")
                self._check_generation(generation)
            await self._write_memory(partition, after)
            if appends:
                failpoint("after_send_offsets")

    async def _end_attempts(self) -> None:
        while self.attempts:
            (partition, stream), record = next(iter(self.attempts.items()))
            await self._write_memory(partition, [record])
            self.table.memory(partition).stream(stream.name).attempt = None
            self.attempts.pop((partition, stream), None)

    async def _write_outputs(self, appends: Sequence[Append]) -> None:
        chosen: dict[tuple[str, int], list[Append]] = {}
        for append in appends:
            partition = append.partition
            if partition is None:
                partition = partition_of(append.key, append.value, self._partitions(append.topic))
            chosen.setdefault((append.topic, partition), []).append(append)
        now_ms = time.time_ns() // 1_000_000
        producer = self.app.producer
        waiting = []
        for (topic, partition), records in chosen.items():
            outer = self.settings.names.outer(topic)
            batch = make_batch()
            for one in records:
                if not append_to(batch, one.key, one.value, one.headers, now_ms):
                    waiting.append(await producer.send_batch(batch, outer, partition))
                    batch = make_batch()
                    append_to(batch, one.key, one.value, one.headers, now_ms)
            waiting.append(await producer.send_batch(batch, outer, partition))
        await asyncio.gather(*waiting)

    async def _write_memory(self, partition: int, records: Sequence[KeyValue]) -> None:
        if not records:
            return
        topic = self.table.changelog_topic.get_topic_name()
        for batch in memory_batches(records, time.time_ns() // 1_000_000):
            count = batch.record_count()
            written = await (await self.app.producer.send_batch(batch, topic, partition))
        # What is in memory already need not be read back after the next rebalance.
        recovery = self.app.tables.recovery
        tp = TP(topic, partition)
        if recovery.active_offsets.get(tp) is not None:
            recovery.active_offsets[tp] = max(recovery.active_offsets[tp], written.offset + count - 1)

    async def _commit(self, generation: int, offsets: Mapping[TopicPartition, Offset]) -> None:
        parts = self._check_generation(generation)
        found = {parts[part]: offset for part, offset in offsets.items()}
        await self.app.consumer._thread.commit_notes(found)

    def _check_generation(self, generation: int) -> dict[TopicPartition, TP]:
        dealt = self._dealt
        if dealt is None or dealt[0] != generation:
            raise Fenced(f"the partitions of {self.settings.id} are being dealt out anew")
        return dealt[1]

    def _tp(self, part: TopicPartition) -> TP:
        dealt = self._dealt
        if dealt is None or part not in dealt[1]:
            raise Fenced(f"{part} has moved to another worker of {self.settings.id}")
        return dealt[1][part]

    # What the app tells, see Calls.

    def _delivered(self, topic: str, partition: int, bundle: Bundle) -> None:
        inner = self.settings.names.inner(topic)
        assert inner is not None
        self.delivery.put(TopicPartition(inner, partition), bundle)

    def _revoked(self) -> None:
        self._dealt = None
        self.delivery.next_generation()

    def _place(self, tp: TP) -> int | None:
        """Return where what is remembered of a partition ends."""
        (part,) = topic_parts({tp}, self.settings.names)
        for stream in self.table.memory(tp.partition).streams.values():
            if stream.place is not None and part in stream.place.offsets:
                return stream.place.offsets[part].next_offset
        return None

    def _begins(self, tp: TP, offset: int) -> None:
        (part,) = topic_parts({tp}, self.settings.names)
        self.delivery.begin(part, offset)

    async def _settled(self) -> None:
        """Wait for a commit that is under way, so that it is not in vain."""
        assert self._writing is not None
        failpoint("during_revoke")
        try:
            async with asyncio.timeout(SETTLE_S), self._writing:
                # Nobody died: what was begun here is begun elsewhere, and no record is to blame.
                await self._end_attempts()
        except (TimeoutError, KafkaError):
            pass

    def _now_ready(self, tps: set[TP]) -> None:
        sources = {tp for tp in tps if tp.topic in self.settings.topics}
        self._dealt = self.generation, topic_parts(sources, self.settings.names)
        self.delivery.wake()

    def _failed(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error
        self.delivery.wake()

    def _pause(self, part: TopicPartition) -> None:
        # Not Faust's pause, which throws away what is on its way already.
        self._tell_consumer("on_buffer_full", part)

    def _resume(self, part: TopicPartition) -> None:
        self._tell_consumer("on_buffer_drop", part)

    def _tell_consumer(self, what: str, part: TopicPartition) -> None:
        generation = self.generation

        def tell() -> None:
            dealt = self._dealt
            if dealt is not None and dealt[0] == generation and part in dealt[1]:
                getattr(self.app.consumer, what)(dealt[1][part])

        self._loop.call_soon_threadsafe(tell)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._live())
        except BaseException as error:  # noqa: BLE001 - told to the working thread
            self._failed(error)
        finally:
            self._began.set()
            self._loop.close()

    async def _live(self) -> None:
        self._end = asyncio.Event()
        self._writing = asyncio.Lock()
        calls = Calls(
            generation=lambda: self.delivery.generation,
            delivered=self._delivered,
            revoked=self._revoked,
            # Once more: what was fetched between the two calls still came from the old places.
            assigned=self._revoked,
            place=self._place,
            begins=self._begins,
            settled=self._settled,
            ready=self._now_ready,
            failed=self._failed,
        )
        self.app, self.table = make_app(self.settings, calls)
        self._began.set()
        starting = asyncio.ensure_future(self.app.start())
        starting.add_done_callback(self._started)
        await self._end.wait()
        await self.app.stop()
        starting.cancel()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def _started(self, starting: asyncio.Future[Any]) -> None:
        if not starting.cancelled() and (error := starting.exception()) is not None:
            self._failed(error)
