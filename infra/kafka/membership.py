"""One process's part in a consumer group on Kafka: owned streams, memory, and commits that count once or not at all.

A commit is one transaction: outputs, dead letters, ticks, the changelog of memory, and the group's offsets with the
proof that this instance owns the stream now (KIP-447). What ended in doubt (no answer to a commit) is never repeated:
the producer is thrown away, the next one with the same transactional id settles the old transaction first, and the
stream begins again from what is committed then.

The partition numbers of all the pipeline's topics go together, so the changelog's partition N holds what the streams
of number N remember. It is read when a number is taken over: first the group's offsets, once no open transaction can
change them; then the changelog up to where it ended after that, so that the memory is the one those offsets belong to.

One thread calls a membership; the place in the group is kept by a thread of its own (group.py).
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.broker import (
    Attempt,
    BrokerMismatch,
    BrokerUnavailable,
    Commit,
    Fenced,
    NotIdle,
    Offset,
    StateRow,
    Stream,
    TopicPartition,
)
from infra.failpoints import failpoint
from infra.kafka.batch_writing import Content
from infra.kafka.client import TransactionalWriter, transactional_writer
from infra.kafka.group import GroupMember
from infra.kafka.instance import KafkaInstance
from infra.kafka.questions import await_settled, leave_group, living_members, stable_offsets, write_plainly
from infra.kafka.reader import KafkaReader
from infra.kafka.share import Share
from infra.kafka.shelf import Holes
from infra.kafka.snapshots import Snapshots
from infra.kafka.transaction import Member
from infra.kafka.wire import KafkaWire, NoAnswer
from infra.partitioner import partition_of
from infra.state_changelog import attempt_record, changelog_topic

if TYPE_CHECKING:
    from infra.kafka.broker import KafkaBroker

log = logging.getLogger(__name__)
READ_RECORDS = 5000
READ_BYTES = 8 << 20
# The first place in a group may have to wait for the session of a dead member to end.
PLACE_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class _Written:
    """One commit of a transaction, and what its success changes here."""

    commit: Commit
    share: Share
    changes: Mapping[str, StateRow]
    pieces: Mapping[str, int]


class KafkaMembership:
    """See the port, infra/broker.py."""

    def __init__(self, broker: KafkaBroker, instance: KafkaInstance, group: str, streams: tuple[Stream, ...]) -> None:
        self._broker = broker
        self._connection = broker.connection
        self._instance = instance
        self._group = group
        self._names = broker.connection.names
        self._outer_group = self._names.outer(group)
        self._streams = streams
        self._numbers = {stream: _number(stream) for stream in streams}
        counts = {part.topic: broker.partitions(part.topic) for stream in streams for part in stream.parts}
        if len(set(counts.values())) > 1:
            raise BrokerMismatch(
                f"the sources of group {group} must have equally many partitions, got "
                + ", ".join(f"{topic}: {count}" for topic, count in sorted(counts.items()))
            )
        self._changelog = changelog_topic(group, next(iter(counts.values()), 1))
        broker.create_internal_topic(self._changelog)
        self._wait_s = broker.connection.section.transaction_timeout_s + 30
        self._wire = KafkaWire(broker.connection)
        self._snapshots = Snapshots(
            instance.folder / self._outer_group, self._wire.topic_id(self._names.outer(self._changelog.name))
        )
        self._producer: TransactionalWriter | None = None
        self._told: dict[int, int] | None = None
        self._shares: dict[int, Share] = {}
        self._expire: dict[Stream, int] = {}
        self._member = GroupMember(
            broker.connection,
            self._outer_group,
            instance.name,
            {self._names.outer(topic): count for topic, count in counts.items()},
            client_id=f"hubbub-{group}",
        )

    def owned(self) -> tuple[Stream, ...]:
        """Return the streams of this instance.

        A number that was somebody else's for a while is left out once, so that the caller forgets what it had of it.
        """
        epochs = self._member.place(timeout_s=PLACE_TIMEOUT_S).epochs
        told = self._told or {}
        back = {number for number, epoch in epochs.items() if number in told and told[number] != epoch}
        self._told = {number: epoch for number, epoch in epochs.items() if number not in back}
        for number in [number for number in list(self._shares) if number not in epochs or number in back]:
            if (share := self._shares.pop(number, None)) is not None:
                self._snapshots.save(share)
        return tuple(stream for stream in self._streams if self._numbers[stream] in self._told)

    def offset(self, part: TopicPartition) -> Offset | None:
        """Return where the group goes on."""
        stream = next((one for one in self._streams if part in one.parts), None)
        if stream is not None and self._numbers[stream] in (self._told or {}):
            return self._share(stream).offsets.get(part)
        outer = self._outer(part)
        return stable_offsets(self._wire, self._outer_group, [outer], timeout_s=self._wait_s).get(outer)

    def states(self, stream: Stream, keys: Sequence[str]) -> list[bytes | None]:
        """Return the committed memory of these keys."""
        return self._share(stream).memory(stream.name).values(keys)

    def due(self, stream: Stream, watermark_us: int) -> list[tuple[str, bytes]]:
        """Return the keys whose deadline has come, by (deadline, key)."""
        rows = self._share(stream).memory(stream.name).due(watermark_us)
        return [(row.key, row.value) for row in rows if row.value is not None]

    def memory(self, stream: Stream) -> list[StateRow]:
        """Return all the committed memory of a stream, by key."""
        rows = self._share(stream).memory(stream.name).rows
        return [rows[key] for key in sorted(rows)]

    def next_deadline(self, stream: Stream) -> int | None:
        """Return the earliest deadline."""
        return self._share(stream).memory(stream.name).next_deadline()

    def forget_expired(self, stream: Stream, watermark_us: int) -> None:
        """Remember to drop old memory with the next commit."""
        self._expire[stream] = watermark_us

    def commit(self, commit: Commit) -> None:
        """Write everything in one transaction."""
        self.commit_together([commit])

    def commit_together(self, commits: Sequence[Commit]) -> None:
        """Write everything of several streams in one transaction.

        That the partitions of `idle_at` are still quiet is looked at before, for Kafka has no transaction over reads.
        A record that slips in between does no harm: the tick stands in its log at the offset where it was made, and
        takes effect before the record at that offset, for this reader as for any that reads the log again.
        """
        failpoint("after_state")
        self._check_idle(commits)
        written: list[_Written] = []
        records: dict[TopicPartition, list[Content]] = defaultdict(list)
        offsets: dict[TopicPartition, Offset] = {}
        for commit in commits:
            name = commit.stream.name
            share = self._share(commit.stream)
            changes = share.changes(name, commit.states, self._expire.pop(commit.stream, None))
            changelog, pieces = share.records(name, changes.values())
            if changelog:
                records[self._changelog_part(share.number)] += changelog
            for part, contents in self._outputs(commit).items():
                records[part] += contents
            offsets |= {self._outer(part): at for part, at in commit.offsets.items()}
            written.append(_Written(commit, share, changes, pieces))
        shares = {one.share.number: one.share.epoch for one in written}
        producer = self._ready_producer()
        try:
            try:
                member = self._prove(shares)
                first = producer.commit(records, offsets, member, lambda old: self._renew(shares, old))
            finally:
                self._member.end_commit()
            failpoint("after_commit")
        except BaseException as error:
            self._doubt()
            if isinstance(error, NoAnswer):
                names = ", ".join(one.commit.stream.name for one in written)
                log.warning("group %s, %s: %s; beginning again from what is committed", self._group, names, error)
                raise Fenced(f"{names} of group {self._group}: it is not known whether it counts: {error}") from error
            raise
        for one in written:
            name, share = one.commit.stream.name, one.share
            for row in one.changes.values():
                share.apply(name, row, one.pieces[row.key])
            changelog_part = self._changelog_part(share.number)
            if changelog_part in first:
                share.position = first[changelog_part] + len(records[changelog_part])
            share.offsets.update(one.commit.offsets)
            share.forget_attempts(name)
        for share in {one.share.number: one.share for one in written}.values():
            self._snapshots.save_sometimes(share)

    def begin_attempt(self, stream: Stream, attempt: Attempt) -> None:
        """Write to the changelog, outside any transaction, that work begins; it is safe there when this returns."""
        self.begin_attempts({stream: attempt})

    def begin_attempts(self, attempts: Mapping[Stream, Attempt]) -> None:
        """Write for several streams that work begins."""
        shares = {stream: self._share(stream) for stream in attempts}
        try:
            member = self._prove({share.number: share.epoch for share in shares.values()})
        finally:
            self._member.end_commit()
        records: dict[TopicPartition, list[Content]] = defaultdict(list)
        for stream, attempt in attempts.items():
            record = attempt_record(stream.name, member.member_id, attempt)
            records[self._changelog_part(shares[stream].number)].append(record)
        write_plainly(self._wire, records, timeout_s=self._wait_s)
        for stream, share in shares.items():
            share.begun.add(stream.name)

    def attempt(self, stream: Stream) -> Attempt | None:
        """Return what an earlier process began and never ended."""
        share = self._share(stream)
        at = share.offsets.get(stream.parts[0])
        found = [
            attempt
            for (name, _), attempt in share.attempts.items()
            if name == stream.name and (at is None or attempt.offset >= at.next_offset)
        ]
        return max(found, key=lambda one: (one.deaths, one.offset), default=None)

    def leave(self) -> None:
        """Give the streams back, and keep what they remember for the next time."""
        try:
            place = self._member.last_place()
            forgotten: dict[TopicPartition, list[Content]] = defaultdict(list)
            for number, share in self._shares.items():
                if place.epochs.get(number) == share.epoch:
                    for stream in sorted(share.begun):
                        record = attempt_record(stream, place.member.member_id, None)
                        forgotten[self._changelog_part(number)].append(record)
                    for stream, member in sorted(share.attempts):
                        forgotten[self._changelog_part(number)].append(attempt_record(stream, member, None))
            if forgotten:
                write_plainly(self._wire, forgotten, timeout_s=self._connection.section.request_timeout_s)
            for share in self._shares.values():
                self._snapshots.save(share)
            # First the thread that keeps the place: it would take the leaving for an accident, and join again.
            self._member.close()
            if place.member.member_id:
                leave_group(self._wire, place.member)
            self._await_marked()
        except (BrokerUnavailable, Fenced, BrokerMismatch) as error:
            log.info("group %s: left without a word: %s", self._group, error)
        finally:
            self.close()

    def _await_marked(self) -> None:
        """Return when all that was committed here can be read by anybody: who looks at a job that has ended finds it.

        A transaction counts before the cluster has marked its end in every partition; the next one under its name
        begins only behind that.
        """
        if self._producer is not None:
            self._producer.close()
            self._producer = None
            self._ready_producer()

    def close(self) -> None:
        """Let go of everything without leaving, as a death would."""
        self._member.close()
        self._snapshots.close()
        if self._producer is not None:
            self._producer.close()
            self._producer = None
        self._wire.close()
        self._shares.clear()
        self._told = {}

    def _share(self, stream: Stream) -> Share:
        """Return what is held of a stream's number, taken over if it is not here; Fenced if it is not owned."""
        if self._told is None:
            self.owned()
        number = self._numbers[stream]
        epoch = (self._told or {}).get(number)
        if epoch is None:
            raise Fenced(f"{stream.name} of group {self._group} belongs to another instance")
        share = self._shares.get(number)
        if share is None or share.doubtful or share.epoch != epoch:
            share = self._shares[number] = self._take_over(number, epoch, share)
        return share

    def _take_over(self, number: int, epoch: int, known: Share | None) -> Share:
        """Bring what is here of a number to what is committed."""
        # The producer first: making it ends what an earlier process under this name, or this one, left open.
        self._ready_producer()
        share = known if known is not None and known.epoch == epoch else self._snapshots.begin(Share(number, epoch))
        parts = {self._outer(part): part for one in self._streams for part in one.parts if self._numbers[one] == number}
        offsets = stable_offsets(self._wire, self._outer_group, list(parts), timeout_s=self._wait_s)
        target = await_settled(self._wire, self._changelog_part(number), timeout_s=self._wait_s)
        if share.position > target:
            log.warning(
                "%s/%d ends at %d, before what is known of it; reading it anew", self._changelog.name, number, target
            )
            share = Share(number, epoch)
        if share.position < target:
            self._restore(share, target)
        share.offsets = {parts[part]: at for part, at in offsets.items()}
        self._sift_attempts(share)
        share.doubtful = False
        if self._member.place(timeout_s=PLACE_TIMEOUT_S).epochs.get(number) != epoch:
            raise Fenced(f"partition {number} of group {self._group} has moved while it was being taken over")
        return share

    def _restore(self, share: Share, target: int) -> None:
        part = TopicPartition(self._changelog.name, share.number)
        # A reader of its own: the one that reads the sources would go on to fetch what this process writes here.
        reader = KafkaReader(self._connection, Holes())
        try:
            share.read(
                lambda at: reader.read(part, at, max_records=READ_RECORDS, max_bytes=READ_BYTES), target, name=str(part)
            )
        finally:
            reader.close()

    def _sift_attempts(self, share: Share) -> None:
        """Keep the attempts of those that are dead: a member that lost the stream alive has killed nobody."""
        if share.attempts:
            alive = living_members(self._wire, self._outer_group, timeout_s=self._wait_s)
            share.attempts = {one: attempt for one, attempt in share.attempts.items() if one[1] not in alive}

    def _prove(self, epochs: Mapping[int, int]) -> Member:
        """Return the proof that all these numbers are here; until `end_commit` a rebalance waits."""
        return [self._member.begin_commit(number, epoch) for number, epoch in epochs.items()][-1]

    def _renew(self, epochs: Mapping[int, int], old: Member) -> Member:
        return [self._member.renew(number, epoch, old) for number, epoch in epochs.items()][-1]

    def _ready_producer(self) -> TransactionalWriter:
        if self._producer is None:
            name = f"{self._outer_group}-{self._instance.name}"
            self._producer = transactional_writer(self._connection, name)
        return self._producer

    def _doubt(self) -> None:
        """After any failure the producer is of no use, and what is here may be behind what is committed."""
        if self._producer is not None:
            self._producer.close()
            self._producer = None
        for share in self._shares.values():
            share.doubtful = True

    def _check_idle(self, commits: Sequence[Commit]) -> None:
        idle_at = {part: end for commit in commits for part, end in commit.idle_at.items()}
        if not idle_at:
            return
        ends = self._broker.ends(sorted({part.topic for part in idle_at}))
        for part, end in idle_at.items():
            if ends[part] > end:
                found = self._broker.read(part, end, max_records=1, max_bytes=1)
                if found:
                    raise NotIdle(f"{part} was found quiet at offset {end} and has a record at {found[0].offset}")

    def _outputs(self, commit: Commit) -> dict[TopicPartition, list[Content]]:
        counts = {topic: self._broker.partitions(topic) for topic in {record.topic for record in commit.appends}}
        outputs: dict[tuple[str, int], list[Content]] = defaultdict(list)
        for record in commit.appends:
            partition = record.partition
            if partition is None:
                partition = partition_of(record.key, record.value, counts[record.topic])
            outputs[record.topic, partition].append((record.key, record.value, record.headers))
        return {self._outer(TopicPartition(*part)): contents for part, contents in outputs.items()}

    def _outer(self, part: TopicPartition) -> TopicPartition:
        return TopicPartition(self._names.outer(part.topic), part.partition)

    def _changelog_part(self, number: int) -> TopicPartition:
        return TopicPartition(self._names.outer(self._changelog.name), number)


def _number(stream: Stream) -> int:
    numbers = {part.partition for part in stream.parts}
    if len(numbers) != 1:
        raise ValueError(f"expected a stream of one partition number, got {stream.name}; this is a bug")
    return numbers.pop()
