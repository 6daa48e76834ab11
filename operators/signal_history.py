"""The last two hours of one device's signals: what is remembered, and the numbers that a forecast is made from.

Signals are counted by kind in steps of five minutes, so memory is bounded whatever comes, and each number can be said
in words. All of them are whole numbers: the same on any machine, however batches are cut. None says how many minutes
ago something was: what is learnt from stories told by a clock would not hold for others.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from schemas.device_signals import SIGNAL_KINDS

STEP_US: Final = 300_000_000
STEPS: Final = 24
MOST_COUNT: Final = 255
MOST_THINGS: Final = 16
MOST_ALARMS: Final = 16
ALARM_US: Final = 7 * 86_400_000_000
"""An alarm that was never cleared counts as open for so long."""
WINDOWS_MIN: Final = (10, 30, 120)
_MINUTE_US: Final = 60_000_000
_WINDOW_STEPS: Final = tuple(minutes * _MINUTE_US // STEP_US for minutes in WINDOWS_MIN)
_PLACE: Final = {kind: place for place, kind in enumerate(SIGNAL_KINDS)}
_TROUBLE: Final = tuple(_PLACE[kind] for kind in ("anomaly", "abnormal_line", "warning_line", "error_line"))
_NEVER: Final = -(1 << 62)
Value = TypeVar("Value")

_NOUNS: Final = {
    "anomaly": ("anomaly", "anomalies"),
    "novel_line": ("novel line", "novel lines"),
    "abnormal_line": ("abnormal line", "abnormal lines"),
    "warning_line": ("warning", "warnings"),
    "error_line": ("error", "errors"),
    "minor_alarm": ("minor alarm", "minor alarms"),
    "major_alarm": ("major alarm", "major alarms"),
}
_TOLD: Final = {
    "troubled_steps_60min": "trouble in {} of the last 12 times 5 min",
    "different_things_60min": "{} different things in trouble in 60 min",
    "open_alarms": "{} open alarms",
    "open_major_alarms": "{} open major alarms",
}
FEATURES: Final = (*(f"{kind}_{minutes}min" for kind in SIGNAL_KINDS for minutes in WINDOWS_MIN), *_TOLD)
"""What the numbers are, in order: counts of a kind; in how many of the last twelve steps there was trouble (an anomaly
or a bad line), and in how many different metrics and templates; the alarms that are open."""
RISING: Final = tuple(int("alarm" not in name) for name in FEATURES)
"""1 for a number that can only make an alarm more probable: more trouble is never good news. After an alarm it may."""


class Standing(msgspec.Struct, array_like=True, frozen=True):
    """The forecast that holds: when it was last judged, and what it said when it was told."""

    at: int
    score: float
    likely: bool


class SignalHistory(msgspec.Struct, array_like=True):
    """What is remembered of one device; times in microseconds since 1970.

    `counts` are (steps, kinds), a byte each, the step that `step` names last. `things` are the different metrics and
    templates in trouble by when they last were, `alarms` the open ones: since when, and whether major.
    """

    step: int = 0
    latest: int = _NEVER
    counts: bytes = b""
    things: dict[str, int] = msgspec.field(default_factory=dict)
    alarms: dict[str, tuple[int, bool]] = msgspec.field(default_factory=dict)
    standing: Standing | None = None
    event: tuple[str, str | None, int | None, int | None] | None = None

    def take(self, kinds: list[str], what: str | None, cleared: bool, at: int) -> int:
        """Remember one signal; one that is older than the latest counts as if it came with it. Return its time."""
        now = max(at, self.latest)
        self._move_to(now)
        counts, base = bytearray(self.counts), (STEPS - 1) * len(SIGNAL_KINDS)
        for kind in kinds:
            place = base + _PLACE[kind]
            counts[place] = min(counts[place] + 1, MOST_COUNT)
        self.counts = bytes(counts)
        if any(_PLACE[kind] in _TROUBLE for kind in kinds):
            _remember(self.things, what or "", now, MOST_THINGS)
        code = what or ""
        if cleared:
            self.alarms.pop(code, None)
        elif "major_alarm" in kinds or "minor_alarm" in kinds:
            _remember(self.alarms, code, (now, "major_alarm" in kinds), MOST_ALARMS)
        return now

    def numbers(self, now: int) -> list[float]:
        """Return the values of FEATURES at a time that is not before the latest signal."""
        kinds = len(SIGNAL_KINDS)
        gone = min(now // STEP_US - self.step, STEPS) if self.counts else STEPS
        counts = self.counts[gone * kinds :] + bytes(gone * kinds)
        of_kind = [counts[place::kinds] for place in range(kinds)]
        found = [float(sum(steps[-many:])) for steps in of_kind for many in _WINDOW_STEPS]
        hour_ago = now - 60 * _MINUTE_US
        found.append(float(sum(map(any, zip(*(of_kind[place][-12:] for place in _TROUBLE), strict=True)))))
        found.append(float(sum(at > hour_ago for at in self.things.values())))
        is_open = [major for since, major in self.alarms.values() if now - since < ALARM_US]
        return [*found, float(len(is_open)), float(sum(is_open))]

    @property
    def expires_at(self) -> int:
        """When nothing of it can matter any more."""
        return max([self.latest + STEPS * STEP_US, *(since + ALARM_US for since, _ in self.alarms.values())])

    def _move_to(self, now: int) -> None:
        kinds = len(SIGNAL_KINDS)
        step = now // STEP_US
        if not self.counts:
            self.counts, self.step = bytes(STEPS * kinds), step
        gone = min(step - self.step, STEPS)
        if gone:
            self.counts = self.counts[gone * kinds :] + bytes(gone * kinds)
        self.step, self.latest = step, now


def in_words(feature: str, value: float) -> str:
    """Say a number of FEATURES as a person would.

    >>> in_words("anomaly_30min", 7.0), in_words("error_line_10min", 1.0)
    ('7 anomalies in 30 min', '1 error in 10 min')
    """
    plain = f"{value:g}"
    if feature in _TOLD:
        return _TOLD[feature].format(plain)
    kind, _, window = feature.rpartition("_")
    return f"{plain} {_NOUNS[kind][value != 1]} in {window.removesuffix('min')} min"


def _remember(known: dict[str, Value], name: str, value: Value, most: int) -> None:
    """Put it behind the others; the one that has waited longest makes room."""
    known.pop(name, None)
    known[name] = value
    if len(known) > most:
        del known[next(iter(known))]
