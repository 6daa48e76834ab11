"""The alerts of some devices at work: their memories unpacked, rows and deadlines applied, and packed again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
from msgspec.structs import replace

from operators.alert_history import History, News
from operators.alert_matches import Match
from operators.alert_memory import MOST_FINGERPRINTS, Memory, decode_memories, encode_memories
from operators.alert_rows import AlertRows
from operators.alert_rule import AlertRule
from operators.condition import Condition
from schemas.identity import identity
from schemas.topic import TIMESTAMP

# The memory of one device: all its fingerprints, when the first of them is due, and when the last may be forgotten.
STATE: Final = pa.schema([("memory", pa.binary()), ("deadline", TIMESTAMP), ("expires_at", TIMESTAMP)])


class AlertDevices:
    """The devices of one call of the operator; each is unpacked when it is first asked for.

    `keys` and `states` are in the same order; what the devices have to say goes to `rows`.
    """

    def __init__(
        self, rules: Sequence[AlertRule], keys: Sequence[str], states: pa.RecordBatch, rows: AlertRows
    ) -> None:
        self._rules = {rule.name: rule for rule in rules}
        self._place = {key: i for i, key in enumerate(keys)}
        self._states = states
        self._rows = rows
        self._devices: dict[str, AlertDevice] = {}

    def at(self, device_id: str) -> AlertDevice:
        """Return a device's alerts."""
        device = self._devices.get(device_id)
        if device is None:
            stored = self._states.column(0)[self._place[device_id]].as_py()
            device = AlertDevice(device_id, decode_memories(stored), self._rules, self._rows)
            self._devices[device_id] = device
        return device

    def states(self) -> pa.RecordBatch:
        """Return the states of all keys, those of the devices that were asked for renewed."""
        memory, deadline, expires_at = (column.to_pylist() for column in self._as_numbers())
        for device_id, device in self._devices.items():
            i = self._place[device_id]
            memory[i], deadline[i], expires_at[i] = device.pack()
        values = (memory, deadline, expires_at)
        return pa.RecordBatch.from_arrays(
            [pa.array(column, field.type) for column, field in zip(values, STATE, strict=True)], schema=STATE
        )

    def _as_numbers(self) -> list[pa.Array]:
        memory, *times = self._states.columns
        return [memory, *(column.view(pa.int64()) for column in times)]


class AlertDevice:
    """All alerts of one device. A history is told when it is first needed; what is not needed stays packed."""

    def __init__(
        self, device_id: str, memories: dict[str, Memory], rules: dict[str, AlertRule], rows: AlertRows
    ) -> None:
        self._device_id = device_id
        self._memories = memories
        self._rules = rules
        self._rows = rows
        self._histories: dict[str, History] = {}
        self._fingerprints: dict[tuple[str | None, ...], str] = {}
        self._renew_next()

    def apply(self, match: Match, watermark_us: int) -> None:
        """Fire what the watermark has reached, forget what has expired, then take the match."""
        self.fire(watermark_us)
        if self._next_expiry is not None and self._next_expiry <= watermark_us:
            self._forget([name for name, memory in self._memories.items() if memory.expires_at <= watermark_us])
        fingerprint = self._fingerprint(match)
        if fingerprint not in self._memories:
            self._memories[fingerprint] = Memory(match.rule.name, match.rule.source, match.labels)
        history = self._history(fingerprint)
        history.settle(watermark_us)
        mark = match.mark
        if mark.at < watermark_us:
            mark = replace(mark, at=watermark_us)
        for news in history.add(mark, watermark_us):
            self._say(fingerprint, history, news, match.mark.event_time, row=match.row)
        if len(self._memories) > MOST_FINGERPRINTS:
            self._evict(mark.at, match)
        self._renew_next()

    def fire(self, watermark_us: int) -> None:
        """End by quiet what is due by this watermark, in the order of the deadlines."""
        while self._next_deadline is not None and self._next_deadline <= watermark_us:
            deadline = self._next_deadline
            due = [name for name, memory in self._memories.items() if memory.deadline == deadline]
            for fingerprint in sorted(due):
                history = self._history(fingerprint)
                for news in history.fire():
                    self._say(fingerprint, history, news, deadline, deadline=deadline)
            self._renew_next()

    def pack(self) -> tuple[bytes | None, int | None, int | None]:
        """Return the memory as it is stored, the next deadline, and when all of it may be forgotten."""
        if not self._memories:
            return None, None, None
        for history in self._histories.values():
            history.pack()
        expires_at = max(memory.expires_at for memory in self._memories.values())
        return encode_memories(self._memories), self._next_deadline, expires_at

    def _fingerprint(self, match: Match) -> str:
        identifying = (match.rule.name, *match.labels)
        fingerprint = self._fingerprints.get(identifying)
        if fingerprint is None:
            labels = ["" if label is None else label for label in match.labels]
            fingerprint = identity("alert", match.rule.name, self._device_id, *labels)
            self._fingerprints[identifying] = fingerprint
        return fingerprint

    def _history(self, fingerprint: str) -> History:
        history = self._histories.get(fingerprint)
        if history is None:
            memory = self._memories[fingerprint]
            rule = self._rules.get(memory.rule)
            if rule is None or rule.source != memory.source:
                history = History(_retired(memory), memory, is_retired=True)
            else:
                history = History(rule, memory)
            self._histories[fingerprint] = history
        return history

    def _evict(self, at_us: int, match: Match) -> None:
        """Make room: what has ended goes first, the longest ago first; then what would end first."""

        def weight(fingerprint: str) -> tuple[bool, int, str]:
            memory = self._memories[fingerprint]
            return (memory.deadline is not None, memory.expires_at, fingerprint)

        fingerprint = min(self._memories, key=weight)
        history = self._history(fingerprint)
        for news in history.evict(at_us):
            self._say(fingerprint, history, news, match.mark.event_time, row=match.row)
        self._forget([fingerprint])

    def _forget(self, fingerprints: Sequence[str]) -> None:
        for fingerprint in fingerprints:
            del self._memories[fingerprint]
            self._histories.pop(fingerprint, None)

    def _renew_next(self) -> None:
        deadlines = [memory.deadline for memory in self._memories.values() if memory.deadline is not None]
        self._next_deadline = min(deadlines, default=None)
        self._next_expiry = min((memory.expires_at for memory in self._memories.values()), default=None)

    def _say(
        self,
        fingerprint: str,
        history: History,
        news: News,
        event_time: int,
        *,
        row: int | None = None,
        deadline: int | None = None,
    ) -> None:
        labels = history.memory.labels
        self._rows.add(
            history.rule, fingerprint, self._device_id, labels, news, event_time=event_time, row=row, deadline=deadline
        )


def _retired(memory: Memory) -> AlertRule:
    """Stand in for a rule that is not among the rules any more: what it raised still ends at its deadline."""
    return AlertRule(
        name=memory.rule,
        source=memory.source,
        when=(Condition("device_id", "==", ""),),
        severity="indeterminate",
        summary="{device_id}: {rule}, a rule that was removed since",
        resolve_after_s=1e-6,
        within_s=1e-6,
    )
