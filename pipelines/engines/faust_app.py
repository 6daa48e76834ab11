"""Faust as hubbub uses it: the consumer, rebalancing and tables are Faust's, the codecs, topics and commits are not.

Of Faust are left out, on purpose: its web server, its codecs that run code (pickle), the topics that it would make by
itself, its acknowledgements (they count offsets by arithmetic, and offsets have holes), its reading of variables of
the environment. Read this file beside Faust 0.15.3; it is the only one that imports it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import faust
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import OffsetAndMetadata
from aiokafka.structs import TopicPartition as KafkaPartition
from faust.app.base import BootStrategy
from faust.auth import OAuthCredentials, SASLCredentials, SSLCredentials
from faust.serializers import codecs
from faust.tables.table import Table
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from infra.bounded_batches import bomb_of, bound_aiokafka
from infra.broker import BrokerAway, Fenced, Offset, TopicPartition
from infra.failpoints import failpoint
from infra.kafka_connection import KafkaConnection
from infra.kafka_names import KafkaNames
from pipelines.engines.faust_delivery import Bundle
from pipelines.engines.faust_memory import KeyValue, PartitionMemory
from schemas.record import Headers, Record

MEMORY = "memory"
# One step's memory is one record batch: it may be large where keys remember much.
MOST_CHANGELOG_BYTES = 7 << 20
MOST_BATCH_BYTES = 900_000
MOST_POLL_RECORDS = 4000
# Batches of records that wait between consumer and agent; the records themselves are bounded in bytes (Delivery).
QUEUED_BUNDLES = 16


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
    settled: Callable[[], Any]
    ready: Callable[[set[TP]], None]
    failed: Callable[[BaseException], None]


def refuse_pickle() -> None:
    """Take every codec that unpickles out of Faust's register, so that no name of a setting can bring it back."""
    for name in [name for name in codecs.codecs if "pickle" in name]:
        del codecs.codecs[name]


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
        bundled: dict[TP, list[Any]] = {}
        for tp, records in found.items():
            if not records:
                continue
            # The position steps over what is no record; the last offset does not.
            end = max(records[-1].offset + 1, _position(consumer, tp) or 0)
            bundle = Bundle(generation, starts.get(TP(*tp)), end, [_record(record) for record in records])
            if generation == app.calls.generation():
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


class _Transport(driver.Transport):  # type: ignore[misc]
    Consumer = _Consumer
    Producer = _Producer


class _Settings(faust.Settings):  # type: ignore[misc]
    def getenv(self, env_name: str) -> Any:
        """Read no variable of the environment: hubbub's settings alone say what holds."""
        return None


class _Boot(BootStrategy):  # type: ignore[misc]
    enable_web = False


class MemoryTable(Table):  # type: ignore[misc]
    """A Faust table whose values are kept by partition, and whose changelog is written a step at a time.

    Faust recovers it: it reads the changelog of the partitions that this worker was given.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.partitions_memory: dict[int, PartitionMemory] = {}
        self.failed: Callable[[BaseException], None] | None = None
        self.restored = 0

    def memory(self, partition: int) -> PartitionMemory:
        """Return the memory of one partition."""
        return self.partitions_memory.setdefault(partition, PartitionMemory())

    def apply_changelog_batch(self, batch: Sequence[Any]) -> None:
        """Take what recovery has read. Faust only logs what is raised here, so it is reported on the way."""
        failpoint("during_restore")
        try:
            for event in batch:
                memory = self.memory(event.message.partition)
                for record in event.value.records:
                    memory.apply(record.key, record.value)
                self.restored += len(event.value.records)
        except Exception as error:
            if self.failed is not None:
                self.failed(error)
            raise

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Forget what was lost to others; it is read again when it comes back."""
        name = self.changelog_topic.get_topic_name()
        kept = {tp.partition for tp in assigned - newly_assigned if tp.topic == name}
        for partition in list(self.partitions_memory):
            if partition not in kept:
                del self.partitions_memory[partition]
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)

    def on_key_set(self, key: Any, value: Any) -> None:
        """Refuse: a single key is no step."""
        raise TypeError("memory is written a step at a time, through the membership; this is a bug")

    on_key_del = on_key_set


class FaustApp(faust.App):  # type: ignore[misc]
    """One pipeline's worker."""

    Settings = _Settings
    BootStrategy = _Boot
    calls: Calls

    def _new_transport(self) -> _Transport:
        return _Transport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> _Transport:
        return _Transport(self.conf.broker_producer, self)

    def _create_directories(self) -> None:
        """Make no folder: nothing of a worker lies on this machine."""

    def on_rebalance_start(self) -> None:
        """Stop at once: what is under way will not be committed."""
        self.calls.revoked()
        super().on_rebalance_start()

    async def _on_partitions_revoked(self, revoked: set[TP]) -> None:
        await self.calls.settled()
        await super()._on_partitions_revoked(revoked)

    async def _on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self.consumer.hold()
        self.calls.assigned()
        await super()._on_partitions_assigned(assigned, generation_id)

    def on_rebalance_end(self) -> None:
        """Go on: memory is recovered, and the consumer stands where the group has committed."""
        super().on_rebalance_end()
        if not self.consumer.release():
            # Faust goes on when a seek takes too long.
            self.calls.failed(BrokerAway("the consumer could not be set to its places in time"))
            return
        self.calls.ready({TP(*tp) for tp in self.consumer.assignment()})

    async def crash(self, reason: BaseException) -> None:
        """Say aloud what Faust would only log."""
        self.calls.failed(reason)
        await super().crash(reason)


@dataclass(slots=True)
class WorkerSettings:
    """How a worker of one pipeline is made: its id is its consumer group on the cluster."""

    id: str
    connection: KafkaConnection
    topics: Sequence[str]
    partitions: int
    session_timeout_s: float
    request_timeout_s: float
    # Names this worker in its group, so that after its death it finds its partitions again at once (KIP-345).
    instance: str | None = None
    names: KafkaNames = field(default_factory=KafkaNames)


def changelog_name(id_: str) -> str:
    """Return the topic that keeps a worker's memory."""
    return f"{id_}-{MEMORY}-changelog"


def make_app(settings: WorkerSettings, calls: Calls) -> tuple[FaustApp, MemoryTable]:
    """Make a worker; it begins to work when it is started in the running event loop."""
    refuse_pickle()
    bound_aiokafka(settings.connection.section.max_decompressed_bytes)
    for name in ("faust", "mode", "aiokafka"):
        logging.getLogger(name).setLevel(logging.WARNING)
    bound_aiokafka(settings.connection.section.max_decompressed_bytes)
    app = FaustApp(
        settings.id,
        broker="kafka://" + ";".join(settings.connection.bootstrap),
        broker_credentials=_credentials(settings.connection),
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s / 4,
        broker_request_timeout=max(settings.request_timeout_s, settings.session_timeout_s),
        broker_max_poll_records=MOST_POLL_RECORDS,
        broker_check_crcs=True,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=settings.instance,
        producer_acks=-1,
        producer_request_timeout=settings.request_timeout_s,
        producer_max_request_size=MOST_CHANGELOG_BYTES + (1 << 20),
        store="memory://",
        key_serializer="raw",
        value_serializer="raw",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        autodiscover=False,
        stream_buffer_maxsize=QUEUED_BUNDLES,
        stream_recovery_delay=0.0,
        stream_wait_empty=False,
        processing_guarantee="at_least_once",
        table_standby_replicas=0,
        worker_redirect_stdouts=False,
    )
    app.calls = calls
    table = MemoryTable(
        app,
        name=MEMORY,
        key_type=bytes,
        value_type=bytes,
        partitions=settings.partitions,
    )
    table.failed = calls.failed
    app.tables.add(table)
    source = app.topic(
        *settings.topics, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", acks=False
    )

    async def deliver(stream: Any) -> None:
        try:
            async for event in stream.events():
                calls.delivered(event.message.topic, event.message.partition, event.value)
        except Exception as error:
            # Faust would start the agent again and leave these records out.
            calls.failed(error)
            raise

    app.agent(source, name="deliver")(deliver)
    return app, table


def make_batch(limit_bytes: int = MOST_BATCH_BYTES) -> BatchBuilder:
    """Return an empty batch of records."""
    return BatchBuilder(limit_bytes, 0)


def append_to(batch: BatchBuilder, key: bytes | None, value: bytes | None, headers: Headers, time_ms: int) -> bool:
    """Put a record into a batch; False when it is full."""
    return batch.append(timestamp=time_ms, key=key, value=value, headers=list(headers)) is not None


def memory_batches(records: Sequence[KeyValue], time_ms: int) -> list[BatchBuilder]:
    """Return one step's memory as batches, nearly always one; the last record is in the last of them."""
    batches = [make_batch(MOST_CHANGELOG_BYTES)]
    for key, value in records:
        if not append_to(batches[-1], key, value, (), time_ms):
            batches.append(make_batch(MOST_CHANGELOG_BYTES))
            append_to(batches[-1], key, value, (), time_ms)
    return batches


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


def _credentials(connection: KafkaConnection) -> Any:
    """Return how a worker proves who it is, from the same settings as every other client."""
    context = connection.ssl_context if connection.uses_tls else None
    if not connection.uses_sasl:
        return None if context is None else SSLCredentials(context)
    section = connection.section
    if section.sasl_mechanism == "OAUTHBEARER":
        return OAuthCredentials(oauth_cb=_Tokens(connection), ssl_context=context)
    return SASLCredentials(
        username=section.username,
        password=connection.password(),
        mechanism=section.sasl_mechanism,
        ssl_context=context,
    )


class _Tokens(AbstractTokenProvider):  # type: ignore[misc]
    def __init__(self, connection: KafkaConnection) -> None:
        from infra.kafka_oauth import token_provider  # noqa: PLC0415 - only who uses it pays for it

        self._provider = token_provider(connection)

    async def token(self) -> str:
        """Return a token; asking for one may take a while, so a thread does it."""
        return await asyncio.get_running_loop().run_in_executor(None, self._provider.token)


def topic_parts(tps: set[TP], names: KafkaNames) -> dict[TopicPartition, TP]:
    """Return the partitions by their names inside hubbub, those of other topics left out."""
    found: dict[TopicPartition, TP] = {}
    for tp in tps:
        inner = names.inner(tp.topic)
        if inner is not None:
            found[TopicPartition(inner, tp.partition)] = tp
    return found
