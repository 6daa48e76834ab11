"""Faust as hubbub uses it: the consumer, rebalancing and tables are Faust's, the codecs, topics and commits are not.

Of Faust are left out, on purpose: its web server, its codecs that run code (pickle), the topics that it would make by
itself, its acknowledgements (they count offsets by arithmetic, and offsets have holes), its reading of variables of
the environment. Read this file beside Faust 0.15.3.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import faust
from aiokafka.abc import AbstractTokenProvider
from faust.app.base import BootStrategy
from faust.auth import OAuthCredentials, SASLCredentials, SSLCredentials
from faust.serializers import codecs
from faust.tables.table import Table
from faust.types import TP

from infra.broker import BrokerAway, TopicPartition
from infra.failpoints import failpoint
from infra.kafka.bounded_batches import bound_aiokafka
from infra.kafka.connection import KafkaConnection
from infra.kafka.names import KafkaNames
from pipelines.engines.faust.batches import MOST_CHANGELOG_BYTES
from pipelines.engines.faust.consumer import Calls, KafkaTransport
from pipelines.engines.faust.memory import PartitionMemory

MEMORY = "memory"
MOST_POLL_RECORDS = 4000
# Batches of records that wait between consumer and agent; the records themselves are bounded in bytes (Delivery).
QUEUED_BUNDLES = 16


def refuse_pickle() -> None:
    """Take every codec that unpickles out of Faust's register, so that no name of a setting can bring it back."""
    for name in [name for name in codecs.codecs if "pickle" in name]:
        del codecs.codecs[name]


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

    def _new_transport(self) -> KafkaTransport:
        return KafkaTransport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> KafkaTransport:
        return KafkaTransport(self.conf.broker_producer, self)

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
        from infra.kafka.oauth import token_provider  # noqa: PLC0415 - only who uses it pays for it

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
