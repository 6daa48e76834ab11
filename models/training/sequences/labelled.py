"""Read a user's event sequences: JSON lines or CSV with `events` and perhaps `label`; say what is wrong and where."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson

ABNORMAL = {"1": True, "true": True, "abnormal": True, "anomaly": True, "anomalous": True}
NORMAL = {"0": False, "false": False, "normal": False}
LABELS = ABNORMAL | NORMAL


class BadSequences(ValueError):
    """A file of sequences that cannot be trained on: which file, which line, what was expected."""


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

    Raises BadSequences for an unknown form, a missing column, a label that is none, labels in some rows only, or a file
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
        raise BadSequences(
            f"{path}: expected a label in each row or in none, line {first[False]} has one, line {first[True]} has none"
        )
    if empty:
        found.warnings.append(f"{path}: {len(empty)} empty sequences are left out, first in line {empty[0]}")
    if not found.normal():
        raise BadSequences(f"{path}: expected normal sequences, got {len(found.events)} abnormal ones and nothing else")
    return found


def _lines(path: Path) -> Iterator[tuple[int, tuple[str, ...], bool | None]]:
    if not path.is_file():
        raise BadSequences(f"expected a file of sequences at {path}, found none")
    if path.suffix in (".csv", ".tsv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ",")
            for row in reader:
                place = f"{path}:{reader.line_num}"
                text = row.get("events")
                if text is None:
                    raise BadSequences(f"{place}: expected a column events, got {', '.join(map(str, row))}")
                yield reader.line_num, tuple(text.split()), _label(row.get("label"), place)
        return
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise BadSequences(f"{place}: expected a JSON object with events, got: {error}") from error
        if not isinstance(row, dict) or "events" not in row:
            came = ", ".join(row) if isinstance(row, dict) else type(row).__name__
            raise BadSequences(f"{place}: expected a JSON object with events, got {came or 'an empty one'}")
        yield number, _events(row["events"], place), _label(row.get("label"), place)


def _events(value: object, place: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise BadSequences(f"{place}: expected events to be an array, got {type(value).__name__}")
    for event in value:
        if isinstance(event, bool) or not isinstance(event, str | int):
            raise BadSequences(f"{place}: expected each event to be a text or an integer, got {event!r}")
    return tuple(str(event) for event in value)


def _label(value: object, place: str) -> bool | None:
    if value is None or value == "":
        return None
    label = LABELS.get(str(value).strip().lower())
    if label is None:
        raise BadSequences(f"{place}: expected label to be one of {', '.join(LABELS)}, got {value!r}")
    return label
