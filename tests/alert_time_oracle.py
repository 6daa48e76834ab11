"""What alerts there should have been under conditions over time: second by second, every question asked anew.

Slow on purpose, and written from the words of operators/alert_rule.py and operators/alert_fold.py, not their code. All
times are whole seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.alert_oracle import Expected, Sign


@dataclass(frozen=True)
class Terms:
    """The numbers of a rule, in seconds; 0 where it does not say such a thing."""

    count: int = 1
    within_s: int = 5
    resolve_after_s: int = 60
    for_s: int = 0
    keep_firing_for_s: int = 0
    flap_count: int = 0
    flap_within_s: int = 0
    groups: int = 0
    absent_s: int = 0


@dataclass
class _Open:
    """What is open: the rows that belong to it so far, and whether it flaps."""

    flaps: bool
    rows: list[Sign] = field(default_factory=list)

    @property
    def matches(self) -> list[Sign]:
        return [row for row in self.rows if row.raises]


def expected_over_time(terms: Terms, signs: Sequence[Sign], until: int) -> list[Expected]:
    """Return the alerts of one fingerprint, oldest first, as known when the watermark has come to `until`."""
    if terms.absent_s:
        return _silences(terms, signs, until)
    ended: list[Expected] = []
    now: _Open | None = None
    for second in range(int(min((sign.time for sign in signs), default=0)), until + 1):
        if now is not None and (end := _ends_by_time(terms, now, second)):
            ended.append(_alert(terms, now, second, end))
            now = None
        here = sorted((sign for sign in signs if sign.time == second), key=lambda sign: sign.event_id)
        raises, clears = [s for s in here if s.raises], [s for s in here if not s.raises]
        for sign in [*clears, *raises] if now is not None else [*raises, *clears]:
            if sign.raises:
                now = now or _Open(_flaps(terms, ended, second))
                now.rows.append(sign)
            elif now is not None:
                stays = _fired_at(terms, now, second) is not None and (terms.keep_firing_for_s or now.flaps)
                if stays:
                    now.rows.append(sign)
                else:
                    ended.append(_alert(terms, now, second, "clear"))
                    now = None
    if now is not None:
        ended.append(_alert(terms, now, None, None))
    return ended


def _flaps(terms: Terms, ended: Sequence[Expected], second: int) -> bool:
    fired = [one for one in ended if one.fired_at is not None]
    lately = [one for one in fired if second - one.opened_at < terms.flap_within_s]
    return bool(terms.flap_count) and len(lately) >= terms.flap_count


def _met_at(terms: Terms, matches: Sequence[Sign]) -> float | None:
    """The first match by which the condition is met."""
    for i, last in enumerate(matches):
        before = matches[: i + 1]
        if terms.groups:
            near = [one for one in before if last.time - one.time < terms.within_s]
            if all(any(one.groups >> group & 1 for one in near) for group in range(terms.groups)):
                return last.time
        elif i + 1 >= terms.count and last.time - before[-terms.count].time < terms.within_s:
            return last.time
    return None


def _fired_at(terms: Terms, now: _Open, second: float) -> float | None:
    """When it fired, if it has by this second; it has not ended before."""
    met_at = _met_at(terms, now.matches)
    if met_at is None:
        return None
    fires_at = max(met_at, now.matches[0].time + terms.for_s)
    return fires_at if fires_at <= second else None


def _ends_by_time(terms: Terms, now: _Open, second: int) -> str | None:
    last = now.matches[-1].time
    if _fired_at(terms, now, second - 1) is None:
        # Whether it would fire just now does not matter: one that would end at that instant, ends.
        patience = terms.within_s if _met_at(terms, now.matches) is None else terms.resolve_after_s
        patience = max(patience, terms.flap_within_s) if now.flaps else patience
        return "quiet" if second >= last + patience else None
    patience = max(terms.resolve_after_s, terms.flap_within_s) if now.flaps else terms.resolve_after_s
    kept = max(terms.keep_firing_for_s, terms.flap_within_s) if now.flaps else terms.keep_firing_for_s
    since_last = now.rows[max(i for i, row in enumerate(now.rows) if row.raises) + 1 :]
    if since_last and second >= since_last[0].time + kept:
        return "clear"
    return "quiet" if second >= last + patience else None


def _silences(terms: Terms, signs: Sequence[Sign], until: int) -> list[Expected]:
    """Each sign of life and the next one, side by side."""
    found = []
    lives = sorted(signs, key=lambda sign: (sign.time, sign.event_id))
    for life, after in zip(lives, [*lives[1:], None], strict=True):
        fired_at = life.time + terms.absent_s
        if fired_at > until or (after is not None and after.time < fired_at):
            continue
        given_up = fired_at + terms.resolve_after_s
        end: tuple[float | None, str | None] = (None, None)
        if given_up <= until and (after is None or given_up <= after.time):
            end = (given_up, "quiet")
        elif after is not None:
            end = (after.time, "clear")
        found.append(Expected(life.event_id, life.time, fired_at, life.time, *end, life.severity, 1, (life.event_id,)))
    return found


def _alert(terms: Terms, now: _Open, resolved_at: float | None, by: str | None) -> Expected:
    matches = now.matches
    ids = [sign.event_id for sign in matches]
    # What ended by time at the very second at which it would have fired, did not.
    known_until = float("inf") if resolved_at is None else resolved_at if by == "clear" else resolved_at - 1
    return Expected(
        opening_id=ids[0],
        opened_at=matches[0].time,
        fired_at=_fired_at(terms, now, known_until),
        updated_at=matches[-1].time,
        resolved_at=resolved_at,
        resolved_by=by,
        severity=min(sign.severity for sign in matches),
        count=len(matches),
        evidence=tuple(ids if len(ids) <= 8 else [*ids[:3], *ids[-5:]]),
        flaps=now.flaps,
    )
