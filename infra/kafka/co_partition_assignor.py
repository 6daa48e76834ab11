"""Which member of a group works on which partition numbers: all topics' partition N go to one member, and stay there.

Merged streams need the same number of each topic in one place. Members say in the join which numbers they had, so
that as few as possible move; what moves is the least that makes the shares differ by one at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from kafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment, ConsumerProtocolSubscription

_pack = msgspec.msgpack.Encoder().encode


class Claim(msgspec.Struct, frozen=True, array_like=True):
    """What a member had: partition numbers, and the generation in which it had them."""

    generation: int = -1
    numbers: tuple[int, ...] = ()


_unpack = msgspec.msgpack.Decoder(Claim).decode


class CoPartitionAssignor(AbstractPartitionAssignor):  # type: ignore[misc] # kafka-python has no type hints
    """The assignor of one member; `claim` is what it holds, kept up to date by group.py.

    `counts` are the partition counts that it reckons with; those of other members' topics come from the cluster.
    """

    name = "hubbub-copartition-sticky"
    version = 0

    def __init__(self, counts: Mapping[str, int]) -> None:
        self.claim = Claim()
        self._counts = dict(counts)

    def metadata(self, topics: Sequence[str]) -> Any:  # noqa: ANN401 - kafka-python has no type hints
        """Return what this member says when it joins."""
        return ConsumerProtocolSubscription(self.version, sorted(topics), _pack(self.claim))

    def assign(self, cluster: Any, members: Sequence[Any]) -> dict[str, Any]:  # noqa: ANN401
        """Return the assignment of every member; runs in the member that leads the group."""
        counts = dict(self._counts)
        for member in members:
            for topic in member.metadata.topics:
                if topic not in counts:
                    counts[topic] = len(cluster.partitions_for_topic(topic) or ())
        claims = {member.member_id: _claim(member.metadata.user_data) for member in members}
        # By instance, so that a member keeps its place in the order over restarts.
        order = [member.member_id for member in sorted(members, key=lambda one: (one.group_instance_id, one.member_id))]
        shares = share(max(counts.values(), default=0), order, claims)
        found = {}
        for member in members:
            mine = shares[member.member_id]
            topics = sorted(member.metadata.topics)
            parts = [(topic, [number for number in mine if number < counts[topic]]) for topic in topics]
            found[member.member_id] = ConsumerProtocolAssignment(self.version, parts, b"")
        return found

    def on_assignment(self, assignment: Any, generation: int) -> None:  # noqa: ANN401
        """Nothing to do: group.py keeps the claim."""


def share(count: int, order: Sequence[str], claims: Mapping[str, Claim]) -> dict[str, list[int]]:
    """Share the numbers 0 to `count` - 1 out among members, in their order, near what they claim.

    >>> share(5, ["a", "b"], {"a": Claim(3, (0, 1, 2, 3, 4)), "b": Claim()})
    {'a': [0, 1, 2], 'b': [3, 4]}
    """
    owner: dict[int, tuple[int, str]] = {}
    for member in order:
        claim = claims[member]
        for number in claim.numbers:
            # Two may claim one number when one of them has missed a generation: the later generation counts.
            if number < count and (number not in owner or owner[number][0] < claim.generation):
                owner[number] = (claim.generation, member)
    kept: dict[str, list[int]] = {member: [] for member in order}
    for number in sorted(owner):
        kept[owner[number][1]].append(number)
    least, more = divmod(count, len(order)) if order else (0, 0)
    # Those that hold most may keep one more than the others.
    for member in sorted(order, key=lambda one: (-len(kept[one]), order.index(one))):
        most = least + (1 if more > 0 else 0)
        if len(kept[member]) >= most > least:
            more -= 1
        kept[member] = kept[member][:most]
    taken = {number for numbers in kept.values() for number in numbers}
    for number in range(count):
        if number not in taken:
            kept[min(order, key=lambda one: (len(kept[one]), order.index(one)))].append(number)
    return {member: sorted(numbers) for member, numbers in kept.items()}


def _claim(user_data: bytes | None) -> Claim:
    try:
        return _unpack(user_data) if user_data else Claim()
    except msgspec.MsgspecError:
        return Claim()
