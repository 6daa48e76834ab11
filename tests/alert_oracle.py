"""What alerts there should have been: everything sorted first, nothing incremental, every question asked anew.

Slow on purpose, and written from the words of operators/alert_rule.py and operators/alert_history.py, not their code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True)
class Sign:
    """One row about one fingerprint. `time` in seconds; `severity` is a rank, 0 the worst; `groups` has a bit each."""

    time: float
    event_id: str
    raises: bool
    severity: int = 0
    groups: int = 0


@dataclass(frozen=True)
class Patience:
    """The numbers of a rule, in seconds."""

    count: int
    within_s: float
    resolve_after_s: float


@dataclass(frozen=True)
class Expected:
    """One alert as it should stand in the end."""

    opening_id: str
    opened_at: float
    fired_at: float | None
    updated_at: float
    resolved_at: float | None
    resolved_by: str | None
    severity: int
    count: int
    evidence: tuple[str, ...]
    flaps: bool = False


def expected_alerts(patience: Patience, signs: Sequence[Sign], until: float) -> list[Expected]:
    """Return the alerts of one fingerprint, oldest first, as known when the watermark has come to `until`."""
    ended: list[Expected] = []
    current: list[Sign] = []
    for time, group in groupby(sorted(signs, key=lambda sign: (sign.time, sign.event_id)), key=lambda sign: sign.time):
        instant = list(group)
        raises, clears = [s for s in instant if s.raises], [s for s in instant if not s.raises]
        if current and _quiet_at(patience, current) <= time:
            ended.append(_alert(patience, current, _quiet_at(patience, current), "quiet"))
            current = []
        if current and clears:
            ended.append(_alert(patience, current, time, "clear"))
            current = raises
        elif clears and raises:
            ended.append(_alert(patience, raises, time, "clear"))
        else:
            current = current + raises
    if current and _quiet_at(patience, current) <= until:
        ended.append(_alert(patience, current, _quiet_at(patience, current), "quiet"))
    elif current:
        ended.append(_alert(patience, current, None, None))
    return ended


def _fired_at(patience: Patience, matches: Sequence[Sign]) -> float | None:
    for first, last in zip(matches, matches[patience.count - 1 :], strict=False):
        if last.time - first.time < patience.within_s:
            return last.time
    return None


def _quiet_at(patience: Patience, matches: Sequence[Sign]) -> float:
    fired = _fired_at(patience, matches) is not None
    return matches[-1].time + (patience.resolve_after_s if fired else patience.within_s)


def _alert(patience: Patience, matches: Sequence[Sign], resolved_at: float | None, by: str | None) -> Expected:
    ids = [sign.event_id for sign in matches]
    return Expected(
        opening_id=ids[0],
        opened_at=matches[0].time,
        fired_at=_fired_at(patience, matches),
        updated_at=matches[-1].time,
        resolved_at=resolved_at,
        resolved_by=by,
        severity=min(sign.severity for sign in matches),
        count=len(matches),
        evidence=tuple(ids if len(ids) <= 8 else [*ids[:3], *ids[-5:]]),
    )
