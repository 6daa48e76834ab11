"""A user's event sequences: rows with `events` and perhaps `label`; what is wrong is said with its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from models.training.given_rows import TABLES, BadFile, GivenRow, read_rows

ABNORMAL = {"1": True, "true": True, "abnormal": True, "anomaly": True, "anomalous": True}
NORMAL = {"0": False, "false": False, "normal": False}
LABELS = ABNORMAL | NORMAL


@dataclass
class Sequences:
    """Sequences to learn from; `abnormal` is None for each row of a file without labels."""

    events: list[tuple[str, ...]] = field(default_factory=list)
    abnormal: list[bool | None] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def labelled(self) -> bool:
        """Whether sequences of both kinds are there."""
        return {True, False} <= set(self.abnormal)

    def normal(self) -> list[tuple[str, ...]]:
        """Return the sequences that are not abnormal."""
        return [events for events, odd in zip(self.events, self.abnormal, strict=True) if not odd]

    def part(self, indices: list[int]) -> Sequences:
        """Return these rows."""
        return Sequences([self.events[i] for i in indices], [self.abnormal[i] for i in indices])


def read_sequences(path: Path) -> Sequences:
    """Read one file. An empty sequence is left out with a warning.

    Raises BadFile for an unknown form, a missing column, a label that is none, labels in some rows only, or a file
    without a normal sequence.
    """
    found = Sequences()
    empty: list[int] = []
    first: dict[bool, int] = {}
    for number, events, label in _lines(path):
        if not events:
            empty.append(number)
            continue
        first.setdefault(label is None, number)
        found.events.append(events)
        found.abnormal.append(label)
    if len(first) > 1:
        raise BadFile(
            f"{path}: expected a label in each row or in none, line {first[False]} has one, line {first[True]} has none"
        )
    if empty:
        found.warnings.append(f"{path}: {len(empty)} empty sequences are left out, first in line {empty[0]}")
    if not found.normal():
        raise BadFile(f"{path}: expected normal sequences, got {len(found.events)} abnormal ones and nothing else")
    return found


def _lines(path: Path) -> Iterator[tuple[int, tuple[str, ...], bool | None]]:
    for number, row in read_rows(path, of="sequences", needs="events"):
        place = f"{path}:{number}"
        events = _words(row, place) if path.suffix in TABLES else _events(row, place)
        yield number, events, _label(row.get("label"), place)


def _words(row: GivenRow, place: str) -> tuple[str, ...]:
    if "events" not in row:
        raise BadFile(f"{place}: expected a column events, got {', '.join(row)}")
    return tuple(str(row["events"] or "").split())


def _events(row: GivenRow, place: str) -> tuple[str, ...]:
    if "events" not in row:
        raise BadFile(f"{place}: expected a JSON object with events, got {', '.join(row) or 'an empty one'}")
    value = row["events"]
    if not isinstance(value, list):
        raise BadFile(f"{place}: expected events to be an array, got {type(value).__name__}")
    for event in value:
        if isinstance(event, bool) or not isinstance(event, str | int):
            raise BadFile(f"{place}: expected each event to be a text or an integer, got {event!r}")
    return tuple(str(event) for event in value)


def _label(value: object, place: str) -> bool | None:
    if value is None or value == "":
        return None
    label = LABELS.get(str(value).strip().lower())
    if label is None:
        raise BadFile(f"{place}: expected label to be one of {', '.join(LABELS)}, got {value!r}")
    return label
