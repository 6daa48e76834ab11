"""All evidence of an incident on one time axis: a lane for each device, a mark for each event."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pipelines.console.events_near import event_us
from pipelines.console.evidence import Evidence
from pipelines.console.time_axis import Tick, TimeAxis, anchor_of

LANE_HEIGHT: Final = 28
MOST_LANES: Final = 9
MOST_MARKS: Final = 600
NEAR: Final = 22.0
"""Percent of the width within which two names would lie on each other, on a telephone."""
NEAR_WIDE: Final = 9.0
"""The same on a screen."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One event. `x` is a percentage, `y` pixels; `text` is told to whoever points at it."""

    x: str
    y: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened to the incident itself.

    `names` are said under the line: its own, and its neighbours'; `wide_names` where there is more room.
    """

    x: str
    name: str
    names: tuple[str, ...]
    wide_names: tuple[str, ...]
    anchor: str


@dataclass(frozen=True, slots=True)
class Lanes:
    """The drawing. `others` counts the devices that share the last lane; `left_out` the events without a mark."""

    devices: tuple[str, ...]
    others: int
    marks: tuple[Mark, ...]
    moments: tuple[Moment, ...]
    ticks: tuple[Tick, ...]
    kinds: tuple[str, ...]
    left_out: int

    @property
    def height(self) -> int:
        """How high all lanes are together, in pixels."""
        return LANE_HEIGHT * (len(self.devices) + (self.others > 0))


def lanes_of(
    evidence: Iterable[Evidence], devices: Sequence[str], moments: Iterable[tuple[str, int]], axis: TimeAxis
) -> Lanes:
    """Draw evidence by device, in the order of `devices`; those that do not fit share one lane."""
    known = list(evidence)
    order = list(dict.fromkeys([*devices, *(one.device_id for one in known)]))
    told = [one for one in order if any(piece.device_id == one for piece in known)]
    shown = told if len(told) <= MOST_LANES else told[: MOST_LANES - 1]
    lane = {device: number for number, device in enumerate(shown)}
    marks = []
    for one in _spread(known):
        at = event_us({"event_time": one.when})
        if at is not None:
            y = LANE_HEIGHT * lane.get(one.device_id, len(shown)) + LANE_HEIGHT // 2
            marks.append(Mark(axis.x(at), y, one.kind, f"{one.when[11:19]} {one.device_id}: {_told(one)}"))
    return Lanes(
        tuple(shown),
        len(told) - len(shown),
        tuple(marks),
        _moments(list(moments), axis),
        tuple(axis.ticks()),
        tuple(dict.fromkeys(one.kind for one in known)),
        len(known) - len(marks),
    )


def _moments(moments: Sequence[tuple[str, int]], axis: TimeAxis) -> tuple[Moment, ...]:
    """Place moments; one that is too near to the one before it is named there."""
    shares = [axis.share(at) for _, at in moments]
    names = [name for name, _ in moments]
    together, wide = _named(names, shares, NEAR), _named(names, shares, NEAR_WIDE)
    return tuple(
        Moment(axis.x(at), name, together[number], wide[number], anchor_of(shares[number]))
        for number, (name, at) in enumerate(moments)
    )


def _named(names: Sequence[str], shares: Sequence[float], near: float) -> list[tuple[str, ...]]:
    """Return what is said at each moment: its name and those of the ones so near behind it, or nothing."""
    found: list[tuple[str, ...]] = []
    speaker = -1
    for number, name in enumerate(names):
        if speaker >= 0 and shares[number] - shares[speaker] < near:
            found[speaker] = (*found[speaker], name)
            found.append(())
        else:
            speaker = number
            found.append((name,))
    return found


def _spread(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Leave some out, evenly, where there are too many to tell apart anyway."""
    if len(evidence) <= MOST_MARKS:
        return list(evidence)
    return [evidence[number * len(evidence) // MOST_MARKS] for number in range(MOST_MARKS)]


def _told(one: Evidence) -> str:
    if one.metric is not None:
        return f"{one.metric} {one.value:g}" if one.value is not None else one.metric
    return "".join(piece.text for piece in one.pieces)[:200]
