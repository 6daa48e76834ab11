"""Dead letters as a person looks at them, and as records that are sent again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from infra.broker import Broker, Fenced, TopicPartition
from pipelines.records_in_order import begin_of, end_of, place_at, records_in_order
from schemas.dead_letters import DEAD_LETTERS, REPLAYED_FROM
from schemas.envelope import EVENT_ID_HEADER
from schemas.identity import record_id
from schemas.record import Append, Record

_ERRORS = "__connect.errors."
_OURS = ("dlq.", _ERRORS)
_USUAL_GROUP = "hubbub-"
Fate = Literal["open", "sent", "dropped"]
"""What has become of a dead letter: nothing yet, its record was sent again, or somebody decided to leave it."""
_MARKS: Final[dict[Fate, int]] = {"sent": 1, "dropped": 2}
_MARK: Final = "dead-letter:"
_READ_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record of `dead.letters`: what could not be processed, and what is known about it."""

    part: TopicPartition
    record: Record

    def header(self, name: str) -> str | None:
        """Return a header's text; of several the last, which is the newest failure's."""
        values = [value for one, value in self.record.headers if one == name]
        return values[-1].decode("utf-8", "replace") if values else None

    def error(self, name: str) -> str:
        """Return what the failure says of itself, for example `topic`, `stage` or `exception.message`."""
        return self.header(_ERRORS + name) or ""

    @property
    def id(self) -> str:
        """The letter's id: of the record and the stage where it failed."""
        return self.header("dlq.id") or f"{self.part.partition}-{self.record.offset}"

    @property
    def reason(self) -> str:
        """One of the closed list of reasons."""
        return self.header("dlq.reason") or "unknown"

    @property
    def group(self) -> str:
        """The consumer group of the job that could not process it."""
        return self.error("connector.name")

    @property
    def pipeline(self) -> str:
        """The pipeline that could not process it; with its job's group before it where that is not the usual one."""
        return self.group.removeprefix(_USUAL_GROUP)

    @property
    def place(self) -> str:
        """Where the original record lay."""
        return f"{self.error('topic')}/{self.error('partition')}@{self.error('offset')}"

    def original(self) -> Append | None:
        """Return the original record as it is sent again, with the id of its first life; None without an origin."""
        topic, partition, offset = self.error("topic"), self.error("partition"), self.error("offset")
        if not topic or not partition.isdecimal() or not offset.isdecimal():
            return None
        headers = tuple((name, value) for name, value in self.record.headers if not name.startswith(_OURS))
        names = {name for name, _ in headers}
        if EVENT_ID_HEADER not in names and not {"ce_id", "ce_source"} <= names:
            event_id = record_id(topic, int(partition), int(offset))
            headers = (*headers, (EVENT_ID_HEADER, event_id.encode()))
        from_ = f"{self.part}@{self.record.offset}"
        return Append(topic, self.record.key, self.record.value, (*headers, (REPLAYED_FROM, from_.encode())))


def dead_letters_of(
    broker: Broker, *, reason: str | None = None, topic: str | None = None, since_us: int | None = None
) -> Iterator[DeadLetter]:
    """Give the dead letters by arrival, those that fit."""
    name = DEAD_LETTERS.name
    starts = begin_of(broker, name) if since_us is None else place_at(broker, name, since_us)
    for part, record in records_in_order(broker, starts, end_of(broker, name)):
        letter = DeadLetter(part, record)
        if (reason is None or letter.reason == reason) and (topic is None or letter.error("topic") == topic):
            yield letter


def letter_at(broker: Broker, partition: int, offset: int) -> DeadLetter | None:
    """Return the dead letter at a place; None where none is (any more)."""
    part = TopicPartition(DEAD_LETTERS.name, partition)
    if not 0 <= partition < broker.topics().get(DEAD_LETTERS.name, 0):
        return None
    first, end = broker.bounds(part)
    if not first <= offset < end:
        return None
    found = broker.read(part, offset, max_records=1, max_bytes=_READ_BYTES)
    return DeadLetter(part, found[0]) if found and found[0].offset == offset else None


def fates(broker: Broker) -> dict[str, Fate]:
    """Return what has become of dead letters, by their marks; one that is not among them is open."""
    names = {mark: fate for fate, mark in _MARKS.items()}
    return {name: names[mark] for name, mark in broker.remembered(_MARK).items() if mark in names}


def fate_of(letter: DeadLetter, known: Mapping[str, Fate]) -> Fate:
    """Return what has become of a dead letter; `known` is what `fates` returned."""
    return known.get(_mark_of(letter), "open")


def send_again(broker: Broker, letter: DeadLetter) -> bool:
    """Send the original record once; False when that was done, it was dropped, or its origin is unknown."""
    original = letter.original()
    return original is not None and _settle(broker, letter, "sent", [original])


def drop(broker: Broker, letter: DeadLetter) -> bool:
    """Note that nobody is to send it again, so that it is no longer shown as open; False when it is settled already.

    The record stays where it is until retention takes it.
    """
    return _settle(broker, letter, "dropped", [])


def _settle(broker: Broker, letter: DeadLetter, fate: Fate, records: list[Append]) -> bool:
    for again in (True, False):
        # To ask so is to become the writer of these marks, so nobody else settles it meanwhile.
        if broker.progress(_mark_of(letter)) is not None:
            return False
        try:
            broker.append(records, progress=(_mark_of(letter), _MARKS[fate]))
        except Fenced:  # another process has settled one since; nothing was written, and now it is our turn
            if not again:
                raise
        else:
            return True
    raise AssertionError("the second try returns or raises; this is a bug")


def _mark_of(letter: DeadLetter) -> str:
    """Return the name of its mark: by its place and not its id, for a record that fails again may be sent again."""
    return f"{_MARK}{letter.part}@{letter.record.offset}"
