"""Where two outcomes differ: the first event, alert or dead letter of each kind, and the field of it, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from schemas.record import Headers
from tests.sameness_outcome import Outcome

NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same: what it is about, the path of the field, what was expected and what came."""

    about: str
    path: str
    expected: object
    came: object

    def __str__(self) -> str:
        at = f" at {self.path}" if self.path else ""
        return f"{self.about}{at}: expected {_short(self.expected)}, got {_short(self.came)}"


def differences(expected: Outcome, came: Outcome) -> list[Difference]:
    """Return each thing of an outcome that is not the same, with its first field that is not.

    Events come in the order in which the expected run has them, so the first one is the place to look.
    """
    found = list(_of_rows("event", expected.enriched, came.enriched))
    found += _of_sequences("order of events of", expected.orders, came.orders)
    found += _of_histories("alert", expected.alerts, came.alerts)
    found += _of_histories("incident", expected.incidents, came.incidents)
    found += _of_histories("forecasts of", expected.forecasts, came.forecasts)
    found += _of_letters(expected.letters, came.letters)
    return found


def first_field(expected: object, came: object, path: str = "") -> tuple[str, object, object] | None:
    """Return the path of the first field that differs, with both values; None when the two are the same bytes.

    >>> first_field({"a": [1, {"b": 2.0}]}, {"a": [1, {"b": 2.5}]})
    ('a[1].b', 2.0, 2.5)
    """
    if isinstance(expected, Mapping) and isinstance(came, Mapping):
        for name in [*expected, *(name for name in came if name not in expected)]:
            inner = f"{path}.{name}" if path else str(name)
            if name not in came or name not in expected:
                return inner, expected.get(name, NOTHING), came.get(name, NOTHING)
            if deeper := first_field(expected[name], came[name], inner):
                return deeper
        return None if list(expected) == list(came) else (f"{path} (order of fields)", list(expected), list(came))
    if isinstance(expected, (list, tuple)) and isinstance(came, (list, tuple)):
        for i, (left, right) in enumerate(zip(expected, came, strict=False)):
            if deeper := first_field(left, right, f"{path}[{i}]"):
                return deeper
        if len(expected) != len(came):
            return f"{path} (length)", len(expected), len(came)
        return None
    if type(expected) is type(came) and repr(expected) == repr(came):
        return None
    return path, expected, came


def _of_rows(
    kind: str,
    expected: Mapping[tuple[str, str], tuple[Headers, Any]],
    came: Mapping[tuple[str, str], tuple[Headers, Any]],
) -> Iterator[Difference]:
    for name in [*expected, *(name for name in came if name not in expected)]:
        yield from _of_row(f"{kind} {name[1]} of {name[0]}", expected.get(name), came.get(name))


def _of_row(about: str, expected: tuple[Headers, Any] | None, came: tuple[Headers, Any] | None) -> Iterator[Difference]:
    if expected is None or came is None:
        lost, new = (expected or (None, NOTHING))[1], (came or (None, NOTHING))[1]
        yield Difference(about, "", lost, new)
    elif field := first_field(expected[1], came[1]) or first_field(expected[0], came[0], "headers"):
        yield Difference(about, *field)


def _of_sequences(
    kind: str, expected: Mapping[tuple[str, str], Sequence[str]], came: Mapping[tuple[str, str], Sequence[str]]
) -> Iterator[Difference]:
    for name in [*expected, *(name for name in came if name not in expected)]:
        if field := first_field(list(expected.get(name, ())), list(came.get(name, ()))):
            yield Difference(f"{kind} {name[1]} in {name[0]}", *field)


def _of_histories(
    kind: str, expected: Mapping[str, Sequence[tuple[Headers, Any]]], came: Mapping[str, Sequence[tuple[Headers, Any]]]
) -> Iterator[Difference]:
    for name in [*expected, *(name for name in came if name not in expected)]:
        left, right = expected.get(name, ()), came.get(name, ())
        for i in range(max(len(left), len(right))):
            found = list(_of_row(f"{kind} {name} revision {i + 1}", _at(left, i), _at(right, i)))
            if found:
                yield found[0]
                break


def _of_letters(expected: Sequence[tuple[str, ...]], came: Sequence[tuple[str, ...]]) -> Iterator[Difference]:
    left, right = list(expected), list(came)
    for letter in expected:
        if letter in right:
            left.remove(letter)
            right.remove(letter)
    yield from (Difference("dead letter", "", letter, NOTHING) for letter in left)
    yield from (Difference("dead letter", "", NOTHING, letter) for letter in right)


def _at(revisions: Sequence[tuple[Headers, Any]], i: int) -> tuple[Headers, Any] | None:
    return revisions[i] if i < len(revisions) else None


def _short(what: object) -> str:
    if what == NOTHING:
        return NOTHING
    try:
        text = orjson.dumps(what).decode()
    except TypeError:
        text = repr(what)
    return text if len(text) < 300 else f"{text[:297]}..."
