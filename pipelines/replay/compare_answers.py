"""Compare what two sides say of each event: which answers differ, from which label to which, with examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from infra.broker import TopicPartition
from pipelines.replay.episodes import Compared
from pipelines.replay.kept import Kept
from schemas.envelope import read_envelopes
from schemas.json_codec import ANSWERS
from schemas.record import Record

MOST_EXAMPLES: Final = 3
MOST_PAIRS: Final = 400
NO_LABEL: Final = "(none)"
OTHER: Final = "(other)"
_NO_ANSWERS: Final = ("input", "late")
_READ_RECORDS = 2000
_READ_BYTES = 8 << 20
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Example:
    """One event about which the sides disagree: its own words or reading, and each side's score of its own label."""

    event_id: str
    device_id: str
    event_time: str
    text: str
    before: str
    after: str
    before_score: float | None
    after_score: float | None


@dataclass(slots=True)
class AnswerDifference:
    """One answer of one topic. `pairs` counts (baseline's label, candidate's label), equal ones too."""

    compared: int = 0
    changed: int = 0
    pairs: Counter[Pair] = field(default_factory=Counter)
    examples: dict[Pair, list[Example]] = field(default_factory=dict)


@dataclass(slots=True)
class TopicDifference:
    """One output topic. `identical`: rows that are equal to the last byte; `only_*`: rows that one side lacks.

    `differing`: rows of both that say another thing: an answer with another label, or, in a topic without answers,
    other bytes. (Another model changes every enriched row's bytes, for its name is in them.)
    """

    both: int = 0
    identical: int = 0
    differing: int = 0
    only_before: int = 0
    only_after: int = 0
    answers: dict[str, AnswerDifference] = field(default_factory=dict)

    @property
    def all_differing(self) -> int:
        """Rows that differ, those that one side lacks included."""
        return self.differing + self.only_before + self.only_after

    @property
    def rows(self) -> int:
        """Rows of either side, those of both counted once."""
        return self.both + self.only_before + self.only_after


@dataclass(slots=True)
class Said:
    """What both sides say of one event that is evidence of an alert."""

    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


def compare_topic(
    topic: str,
    before: Kept,
    after: Kept,
    compared: Compared | None = None,
    *,
    wanted: Collection[str] = (),
    said: dict[str, Said] | None = None,
) -> TopicDifference:
    """Compare a topic that both sides wrote, row by row, matched by event id.

    `compared` chooses the rows by the place of their input event (None: all; rows that do not name one always count).
    What the sides say of the input events whose ids are `wanted` is put into `said`.
    """
    difference = TopicDifference()
    said = {} if said is None else said
    for number in range(max(before.topics().get(topic, 0), after.topics().get(topic, 0))):
        part = TopicPartition(topic, number)
        sides = (_rows(before, part), _rows(after, part))
        # Both sides write a partition in nearly the same order, so little waits for its partner.
        waiting: tuple[dict[str, Record], dict[str, Record]] = ({}, {})
        ended = [False, False]
        while not all(ended):
            for side in (0, 1):
                row = next(sides[side], None)
                if row is None:
                    ended[side] = True
                    continue
                event_id, record = row
                if (partner := waiting[1 - side].pop(event_id, None)) is None:
                    # Rows of before the history would wait for ever.
                    if compared is None or _counts(orjson.loads(record.value or b"{}"), compared):
                        waiting[side][event_id] = record
                    continue
                pair = (partner, record) if side else (record, partner)
                _compare_rows(difference, pair, compared, wanted, said)
        for side in (0, 1):
            for record in waiting[side].values():
                difference.only_before += side == 0
                difference.only_after += side == 1
                _keep_said(orjson.loads(record.value or b"{}"), side, wanted, said)
    return difference


def _compare_rows(
    difference: TopicDifference,
    pair: tuple[Record, Record],
    compared: Compared | None,
    wanted: Collection[str],
    said: dict[str, Said],
) -> None:
    identical = pair[0].value == pair[1].value
    old = orjson.loads(pair[0].value or b"{}")
    new = old if identical else orjson.loads(pair[1].value or b"{}")
    if not _counts(old, compared):
        return
    difference.both += 1
    difference.identical += identical
    _keep_said(old, 0, wanted, said)
    _keep_said(new, 1, wanted, said)
    answers = (old.get(ANSWERS), new.get(ANSWERS))
    if not isinstance(answers[0], dict) or not isinstance(answers[1], dict):
        difference.differing += not identical
        return
    any_differs = False
    for name in answers[0] | answers[1]:
        if name in _NO_ANSWERS:
            continue
        labels = [label_of(side.get(name)) for side in answers]
        if labels == [None, None]:
            continue
        one = difference.answers.setdefault(name, AnswerDifference())
        one.compared += 1
        differs = labels[0] != labels[1]
        one.changed += differs
        any_differs |= differs
        key = (labels[0] or NO_LABEL, labels[1] or NO_LABEL)
        if key not in one.pairs and len(one.pairs) >= MOST_PAIRS:  # templates are many; a matrix of them says nothing
            key = (OTHER, OTHER)
        one.pairs[key] += 1
        if differs and len(examples := one.examples.setdefault(key, [])) < MOST_EXAMPLES:
            examples.append(_example(old, labels, [side.get(name) for side in answers]))
    difference.differing += any_differs


def label_of(answer: object) -> str | None:
    """Return what an answer says, as one word: its label, or whether it is an anomaly; None where it says nothing.

    Numbers and lists are not labels: how a score differs shows in the labels and in the examples.
    """
    if isinstance(answer, str):
        return answer
    if not isinstance(answer, dict):
        return None
    if isinstance(label := answer.get("label"), str):
        return label
    if isinstance(anomaly := answer.get("is_anomaly"), bool):
        return "true" if anomaly else "false"
    return None


def words_of(event: Mapping[str, Any]) -> str:
    """Return what an event says, as one text: its words, or its reading."""
    if event.get("metric") is not None:
        return " ".join(str(event[name]) for name in ("metric", "value", "unit") if event.get(name) is not None)
    text = event.get("message") or event.get("text") or event.get("code") or ""
    return str(text)[:300]


def _counts(value: Mapping[str, Any], compared: Compared | None) -> bool:
    answers = value.get(ANSWERS)
    if compared is None or not isinstance(answers, dict) or not isinstance(place := answers.get("input"), dict):
        return True
    return compared(place.get("topic"), place.get("partition"), place.get("offset"))


def _keep_said(value: Mapping[str, Any], side: int, wanted: Collection[str], said: dict[str, Said]) -> None:
    answers = value.get(ANSWERS)
    if not wanted or not isinstance(answers, dict):
        return
    event_id = (answers.get("input") or {}).get("event_id")
    if isinstance(event_id, str) and event_id in wanted:
        one = said.setdefault(event_id, Said())
        kept = {name: answer for name, answer in answers.items() if name not in _NO_ANSWERS and answer is not None}
        if side == 0:
            one.before = kept
        else:
            one.after = kept


def _example(event: Mapping[str, Any], labels: list[str | None], answers: list[Any]) -> Example:
    scores = [answer.get("score") if isinstance(answer, dict) else None for answer in answers]
    return Example(
        event_id=str((event[ANSWERS].get("input") or {}).get("event_id")),
        device_id=str(event.get("device_id")),
        event_time=str(event.get("event_time")),
        text=words_of(event),
        before=labels[0] or NO_LABEL,
        after=labels[1] or NO_LABEL,
        before_score=scores[0],
        after_score=scores[1],
    )


def _rows(broker: Kept, part: TopicPartition) -> Iterator[tuple[str, Record]]:
    """Give a partition's records with their event ids; none when there is no such partition."""
    if part.partition >= broker.topics().get(part.topic, 0):
        return
    offset, end = broker.bounds(part)
    while offset < end:
        records = broker.read(part, offset, max_records=_READ_RECORDS, max_bytes=_READ_BYTES)
        if not records:
            return
        yield from zip(read_envelopes(part.topic, part.partition, records).event_ids, records, strict=True)
        offset = records[-1].offset + 1
