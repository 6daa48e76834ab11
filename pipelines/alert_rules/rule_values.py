"""Values of a rule file: texts, numbers, spans of time, lists and tables, each with the place that an error names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import re2

MOST_SECONDS: Final = 1e12
_SPAN: Final = re2.compile(r"(?:\d{1,9}(?:\.\d{1,6})?(?:ms|s|m|h|d|w))+")
_SPAN_PART: Final = re2.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d|w)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_TYPES: Final = {bool: "true or false", int: "a whole number", str: "a text", dict: "a table", list: "a list"}


class WrongValue(ValueError):
    """A value of a rule file that cannot be used: where it stands, what was expected, what came."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file something stands, as a person would say it."""

    text: str

    def __str__(self) -> str:
        return self.text

    def at(self, name: str) -> Place:
        """Return the place of what is called so inside this one."""
        return Place(f"{self.text}.{name}" if not self.text.endswith((": ", " ")) else f"{self.text}{name}")

    def wrong(self, expected: str, got: object) -> WrongValue:
        """Return the error that says what was expected here."""
        shown = repr(got) if len(repr(got)) <= 200 else f"{repr(got)[:200]}..."
        return WrongValue(f"{self.text}: expected {expected}, got {shown}")


def text_at(place: Place, value: object) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise place.wrong("a text", value)
    return value


def whole_number_at(place: Place, value: object) -> int:
    """Return a whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise place.wrong("a whole number", value)
    return value


def truth_at(place: Place, value: object) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise place.wrong("true or false", value)
    return value


def table_at(place: Place, value: object) -> Mapping[str, object]:
    """Return a table."""
    if not isinstance(value, dict):
        raise place.wrong("a table", value)
    return value


def list_at(place: Place, value: object) -> list[object]:
    """Return a list that is not empty."""
    if not isinstance(value, list) or not value:
        raise place.wrong("a list", value)
    return value


def texts_at(place: Place, value: object) -> dict[str, str]:
    """Return a table of texts."""
    return {name: text_at(place.at(name), text) for name, text in table_at(place, value).items()}


def seconds_at(place: Place, value: object) -> float:
    """Return a span of time in seconds: a number of seconds, or a text such as 90s, 10m, 1h30m.

    >>> seconds_at(Place("for"), "1h30m"), seconds_at(Place("for"), 90)
    (5400.0, 90.0)
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and -MOST_SECONDS <= value <= MOST_SECONDS:
        return float(value)
    if isinstance(value, str) and _SPAN.fullmatch(value.strip()):
        return sum(float(number) * _SECONDS[unit] for number, unit in _SPAN_PART.findall(value))
    raise place.wrong("a span of time such as 90s, 10m, 1h30m or 2d", value)


def check_names(place: Place, names: Iterable[str], known: Iterable[str], kind: str) -> None:
    """Refuse a name that is not known, with the nearest one that is."""
    known = list(known)
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise WrongValue(f"{place}: expected a {kind} of {', '.join(known)}, got {name!r}{hint}")
