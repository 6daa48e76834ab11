"""The figures of a model's card as tables, confusions and reliability curves, whatever the card holds.

A card is somebody's file: what is not as expected is left out, never an error.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

CONFUSIONS: Final = "_confusions"
CALIBRATION: Final = "_calibration"
BY_LABEL: Final = "_by_label"
MOST_ROWS: Final = 200
MOST_COLUMNS: Final = 16
MOST_DEPTH: Final = 4
MOST_NAMED: Final = 3
SHADES: Final = 6
"""Steps of colour in a confusion matrix."""
Figure = float | int | str | bool | None


@dataclass(frozen=True, slots=True)
class FigureTable:
    """A table of figures: its place in the card, the names of its columns, and rows of a name and cells."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Figure, ...]], ...]


@dataclass(frozen=True, slots=True)
class ConfusionCell:
    """How many rows of one label got another, and how dark that is shown: 0 for none, SHADES for all of the label."""

    count: int
    shade: int
    right: bool


@dataclass(frozen=True, slots=True)
class HeadFigures:
    """What a card says of one head: F1 by label, confusions (truth down, answer across), reliability."""

    name: str
    labels: tuple[str, ...]
    f1: tuple[tuple[str, float, int | None], ...] = ()
    confusion: tuple[tuple[str, tuple[ConfusionCell, ...]], ...] = ()
    calibration_error: float | None = None
    bins: tuple[tuple[float, float, int], ...] = ()

    @property
    def curve(self) -> str:
        """SVG's `d` of the reliability curve in 100 by 100: probability to the right, share that was right upwards."""
        return "M" + "L".join(f"{100 * said:.1f} {100 - 100 * right:.1f}" for said, right, _ in self.bins)

    @property
    def dots(self) -> list[tuple[float, float, float]]:
        """Each bin as (x, y, radius): the more rows, the larger."""
        most = max((rows for _, _, rows in self.bins), default=1)
        return [(100 * said, 100 - 100 * right, 1.5 + 4 * math.sqrt(rows / most)) for said, right, rows in self.bins]


def head_figures(heads: Sequence[tuple[str, Sequence[str]]], metrics: Mapping[str, Any]) -> list[HeadFigures]:
    """Return what the card says of each head, without those of which it says nothing."""
    confusions, calibrations, by_label = (_first(metrics, end) for end in (CONFUSIONS, CALIBRATION, BY_LABEL))
    found = []
    for name, labels in heads:
        calibration = _object(calibrations.get(name))
        one = HeadFigures(
            name=name,
            labels=tuple(labels),
            f1=tuple(_f1(_object(by_label.get(name)))),
            confusion=_confusion(labels, confusions.get(name)),
            calibration_error=_number(calibration.get("expected_calibration_error")),
            bins=tuple(_bins(calibration.get("bins"))),
        )
        if one.f1 or one.confusion or one.bins:
            found.append(one)
    return found


def figure_tables(metrics: Mapping[str, Any]) -> list[FigureTable]:
    """Return all other figures: objects of one shape side by side are one table, the rest is a list of its own."""
    shown_elsewhere = (CONFUSIONS, CALIBRATION, BY_LABEL)
    plain = {name: value for name, value in metrics.items() if not name.endswith(shown_elsewhere)}
    return list(_tables("", plain, 0))


def _tables(title: str, values: Mapping[str, Any], depth: int) -> Iterator[FigureTable]:
    single = {name: value for name, value in values.items() if _is_figure(value)}
    if single:
        yield FigureTable(title, (), tuple((name, (value,)) for name, value in list(single.items())[:MOST_ROWS]))
    rows = {name: value for name, value in values.items() if isinstance(value, dict) and value}
    flat = {name: value for name, value in rows.items() if all(_is_figure(one) for one in value.values())}
    if len(flat) == 1:
        ((name, only),) = flat.items()
        place = f"{title} · {name}" if title else name
        yield FigureTable(place, (), tuple((key, (value,)) for key, value in list(only.items())[:MOST_ROWS]))
    elif flat:
        columns = tuple(dict.fromkeys(name for value in flat.values() for name in value))[:MOST_COLUMNS]
        names = ", ".join(list(flat)[:MOST_NAMED]) + ("…" if len(flat) > MOST_NAMED else "")
        place = f"{title} · {names}" if single and title else names if single else title
        cells = [(name, tuple(value.get(column) for column in columns)) for name, value in flat.items()]
        yield FigureTable(place, columns, tuple(cells[:MOST_ROWS]))
    if depth < MOST_DEPTH:
        for name, value in rows.items():
            if name not in flat:
                yield from _tables(f"{title} · {name}" if title else name, value, depth + 1)


def _confusion(labels: Sequence[str], matrix: object) -> tuple[tuple[str, tuple[ConfusionCell, ...]], ...]:
    if not isinstance(matrix, list) or len(matrix) != len(labels):
        return ()
    rows = []
    for at, (label, row) in enumerate(zip(labels, matrix, strict=True)):
        if not isinstance(row, list) or len(row) != len(labels) or not all(isinstance(one, int) for one in row):
            return ()
        most = max(sum(row), 1)
        cells = (ConfusionCell(one, math.ceil(SHADES * one / most), number == at) for number, one in enumerate(row))
        rows.append((label, tuple(cells)))
    return tuple(rows)


def _f1(by_label: Mapping[str, Any]) -> Iterator[tuple[str, float, int | None]]:
    for label, said in by_label.items():
        f1, rows = _number(_object(said).get("f1")), _object(said).get("rows")
        if f1 is not None and 0 <= f1 <= 1:
            yield label, f1, rows if isinstance(rows, int) else None


def _bins(bins: object) -> Iterator[tuple[float, float, int]]:
    for one in bins if isinstance(bins, list) else ():
        numbers = [_number(part) for part in one] if isinstance(one, list) else []
        if len(numbers) == 3 and all(part is not None for part in numbers):
            said, right, rows = (float(part or 0.0) for part in numbers)
            if 0 <= said <= 1 and 0 <= right <= 1 and rows > 0:
                yield said, right, int(rows)


def _first(metrics: Mapping[str, Any], end: str) -> Mapping[str, Any]:
    return next((_object(value) for name, value in metrics.items() if name.endswith(end)), {})


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_figure(value: object) -> bool:
    return value is None or isinstance(value, float | int | str | bool)


def _number(value: object) -> float | None:
    good = isinstance(value, float | int) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good else None  # type: ignore[arg-type]
