"""One instance's place in a Kafka consumer group: which partition numbers it has, and since when.

A thread of its own keeps the place (heartbeats, rebalances), so that nothing the work does, however long a step takes,
can cost the group a member; it holds no records. A rebalance interrupts only what moves: a number that this instance
had in the generation before and has in the next goes on as if nothing had been. Each number carries an *epoch* that
changes whenever somebody else may have had it in between; work begun under another epoch is not to be committed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from kafka import KafkaConsumer
from kafka import TopicPartition as KafkaPartition
from kafka.consumer.subscription_state import AsyncConsumerRebalanceListener
from kafka.errors import FencedInstanceIdError, KafkaError
from kafka.structs import MemberState

from infra.broker import BrokerAway, BrokerMismatch, BrokerUnavailable, Fenced
from infra.failpoints import failpoint
from infra.kafka.co_partition_assignor import Claim, CoPartitionAssignor
from infra.kafka.connection import KafkaConnection
from infra.kafka.errors import translated
from infra.kafka.transaction import Member

_POLL_MS = 100
_RETRY_S = 0.2
_LOOK_S = 0.005
_SILENT_POLLS = 3
# How long a rebalance waits for a transaction of this instance that is under way.
REVOKE_BUDGET_S = 5.0
# How long the group waits for a member that is alive but does not answer, before it goes on without it.
REJOIN_BUDGET_S = 10.0


@dataclass(frozen=True, slots=True)
class Place:
    """What an instance has: the epoch of each partition number, and how it proves it in a commit."""

    member: Member
    epochs: Mapping[int, int] = field(default_factory=dict)


class GroupMember:
    """Joins a group when it is made, and keeps its place until `leave` or `close`.

    `topics` gives the partition counts that the caller reckons with, by name on the cluster; `instance_id` names this
    instance in the group, so that after its death it finds its partitions again without a rebalance (KIP-345).
    """

    def __init__(
        self, connection: KafkaConnection, group: str, instance_id: str, topics: Mapping[str, int], *, client_id: str
    ) -> None:
        self._connection = connection
        self._group = group
        self._instance_id = instance_id
        self._topics = dict(topics)
        self._assignor = CoPartitionAssignor(topics)
        self._changed = threading.Condition()
        self._member = Member(group, -1, "", instance_id)
        self._epochs: dict[int, int] = {}
        self._epoch = 0
        self._settled = False
        self._committing = False
        self._failure: Exception | None = None
        self._stop = threading.Event()
        session_ms = round(connection.section.session_timeout_s * 1000)
        arguments = {**connection.kafka_python(), "client_id": client_id}
        try:
            self._consumer = KafkaConsumer(
                **arguments,
                group_id=group,
                group_instance_id=instance_id,
                enable_auto_commit=False,
                allow_auto_create_topics=False,
                session_timeout_ms=session_ms,
                heartbeat_interval_ms=min(1000, session_ms // 6),
                max_poll_interval_ms=max(session_ms, round(REJOIN_BUDGET_S * 1000)),
                partition_assignment_strategy=[self._assignor],
            )
        except KafkaError as error:
            raise translated(connection, f"joining group {group}", error) from error
        self._consumer.subscribe(sorted(topics), listener=_Listener(self))
        # A member that joins before it knows its topics joins once more as soon as it does.
        with suppress(KafkaError):
            known = self._consumer._cluster.request_update()
            self._consumer._net.run(self._consumer._manager.wait_for, known, session_ms)
        self._thread = threading.Thread(target=self._keep, name=f"group {group}", daemon=True)
        self._thread.start()

    def place(self, *, timeout_s: float) -> Place:
        """Return what this instance has now; waits while it has no place at all, as in the first join.

        Raises what cannot mend itself: BrokerMismatch, BrokerRefused, BrokerUnavailable (another runs under the same
        name); and BrokerAway if no place was to be had in time.
        """
        until = time.monotonic() + timeout_s
        with self._changed:
            while not self._settled:
                self._raise_failure()
                if not self._changed.wait(max(0.0, min(1.0, until - time.monotonic()))) and time.monotonic() > until:
                    raise BrokerAway(
                        f"group {self._group} gave this instance no place within {timeout_s:g} s at "
                        f"{self._connection.url}"
                    )
            self._raise_failure()
            return Place(self._member, dict(self._epochs))

    def last_place(self) -> Place:
        """Return what this instance had when it last heard of the group, be it settled or not."""
        with self._changed:
            return Place(self._member, dict(self._epochs))

    def begin_commit(self, number: int, epoch: int) -> Member:
        """Return the proof for a commit of a partition number; Fenced if it is not this instance's any more.

        Until `end_commit` a rebalance waits, for a while, so that the commit is not in vain.
        """
        until = time.monotonic() + REVOKE_BUDGET_S
        with self._changed:
            # Between the join's answer and the assignment the group has a new generation, and who has what is open.
            while self._generation() not in (self._member.generation, -1) and time.monotonic() < until:
                self._changed.wait(_LOOK_S)
            if self._epochs.get(number) != epoch:
                raise Fenced(f"partition {number} of group {self._group} has moved to another instance")
            self._committing = True
            return self._member

    def renew(self, number: int, epoch: int, old: Member) -> Member:
        """Return another proof for a commit that is under way, when the group would not take the old one any more.

        A new generation may have begun between the proof and its use. As long as the number stays here, so that nobody
        else has had it, the commit goes on under the new one; else Fenced.
        """
        until = time.monotonic() + REVOKE_BUDGET_S
        with self._changed:
            self._committing = False
            while self._member is old and self._settled and time.monotonic() < until:
                self._changed.wait(_LOOK_S)
            if self._member is old or self._epochs.get(number) != epoch:
                raise Fenced(f"partition {number} of group {self._group} has moved to another instance")
            self._committing = True
            return self._member

    def end_commit(self) -> None:
        """Let a waiting rebalance go on."""
        with self._changed:
            self._committing = False
            self._changed.notify_all()

    def close(self) -> None:
        """Stop keeping the place, without leaving: the group waits for this instance until its session ends."""
        if self._stop.is_set() and not self._thread.is_alive():
            return
        self._stop.set()
        self._thread.join(timeout=10)
        self._consumer.close(autocommit=False, timeout_ms=1000)

    def _keep(self) -> None:
        silent = 0
        while not self._stop.is_set():
            try:
                self._consumer.poll(timeout_ms=_POLL_MS)
                self._check_counts()
                # Told by a heartbeat that another has its name, kafka-python stops sending them and says nothing.
                silent = silent + 1 if self._is_silent() else 0
                if silent >= _SILENT_POLLS:
                    raise FencedInstanceIdError
            except FencedInstanceIdError:
                self._fail(
                    BrokerUnavailable(
                        f"another process has taken over as instance {self._instance_id!r} of group {self._group}; "
                        "each needs a name of its own (--instance)"
                    )
                )
                return
            except KafkaError as error:
                meaning = translated(self._connection, f"keeping a place in group {self._group}", error)
                if isinstance(meaning, BrokerAway | Fenced):
                    self._stop.wait(_RETRY_S)
                else:
                    self._fail(meaning)
                    return
            except BrokerUnavailable as error:
                self._fail(error)
                return
            except BrokerMismatch as error:
                self._fail(error)
                return
            except Exception as error:  # noqa: BLE001 - a bug here must stop the work, not leave it without a place
                self._fail(BrokerUnavailable(f"group {self._group}: {type(error).__name__}: {error}"))
                return

    def _check_counts(self) -> None:
        for topic, expected in self._topics.items():
            numbers = self._consumer._cluster.partitions_for_topic(topic)
            if numbers is not None and len(numbers) != expected:
                raise BrokerMismatch(
                    f"topic {topic} has {len(numbers)} partitions at {self._connection.url} now, expected {expected}: "
                    "keys lie elsewhere than their memory; make a new topic and replay into it"
                )

    def _is_silent(self) -> bool:
        coordinator = self._consumer._coordinator
        return coordinator.state is MemberState.STABLE and not coordinator._heartbeat_enabled

    def _generation(self) -> int:
        return int(self._consumer.group_metadata().generation_id)

    def _fail(self, error: Exception) -> None:
        with self._changed:
            self._failure = error
            self._epochs = {}
            self._settled = True
            self._changed.notify_all()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    # Called by the listener, in the network thread of the consumer.

    async def preparing(self) -> None:
        """Let a commit that is under way end before the group changes; the work of a step does not hold it up."""
        until = time.monotonic() + REVOKE_BUDGET_S
        failpoint("during_revoke")
        while self._committing and time.monotonic() < until:
            await self._consumer._net.sleep(_LOOK_S)

    def lost(self) -> None:
        """Have nothing any more: the group went on without this instance."""
        with self._changed:
            self._epochs = {}
            self._settled = False
            self._assignor.claim = Claim()
            self._changed.notify_all()

    def assigned(self, parts: set[KafkaPartition]) -> None:
        """Take what the group has given this instance for its new generation."""
        metadata = self._consumer.group_metadata()
        self._consumer.pause(*parts)
        for part in parts:
            # Nothing is read through this consumer; with a position it asks for none.
            self._consumer.seek(part, 0)
        numbers = {part.partition for part in parts}
        with self._changed:
            before = self._member
            # A generation that was missed may have given a number to somebody else for a while.
            unbroken = before.member_id == metadata.member_id and before.generation + 1 == metadata.generation_id
            self._epoch += 1
            self._epochs = {
                number: self._epochs[number] if unbroken and number in self._epochs else self._epoch
                for number in sorted(numbers)
            }
            self._member = Member(self._group, metadata.generation_id, metadata.member_id, self._instance_id)
            self._assignor.claim = Claim(metadata.generation_id, tuple(sorted(numbers)))
            self._settled = True
            self._changed.notify_all()


class _Listener(AsyncConsumerRebalanceListener):  # type: ignore[misc] # kafka-python has no type hints
    """Hands what the consumer is told on to the member."""

    def __init__(self, member: GroupMember) -> None:
        self._member = member

    async def on_partitions_revoked(self, revoked: set[KafkaPartition]) -> None:
        await self._member.preparing()

    async def on_partitions_assigned(self, assigned: set[KafkaPartition]) -> None:
        self._member.assigned(assigned)

    async def on_partitions_lost(self, lost: set[KafkaPartition]) -> None:
        self._member.lost()
