"""Alerts in a replay's report: a line each that opens to the events behind it, and what either side says of them.

Everything that devices or customers wrote passes through safe_text and html.escape.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from pipelines.replay.compare import Change
from pipelines.replay.compare_answers import Said, label_of
from pipelines.replay.episodes import Episode
from pipelines.replay.incidents import Incident
from pipelines.replay.judge import judge
from pipelines.replay.words import changes_in_words, duration
from pipelines.seen_event import time_text
from schemas.safe_text import safe_text

MOST_CARDS: Final = 200
Answers = Mapping[str, Said]


@dataclass(frozen=True)
class Cards:
    """Makes a card of an alert: `said` are the answers of both sides about the events behind it, `incidents` the truth
    where there are labels."""

    said: Answers
    incidents: Sequence[Incident] = ()

    def alerts(self, title: str, about: str, alerts: Sequence[Episode]) -> str:
        """Return a heading with a card for each alert; nothing when there are none."""
        cards = "".join(self.card(alert) for alert in alerts[:MOST_CARDS])
        return _section(title, about, len(alerts), cards) if alerts else ""

    def changes(self, title: str, about: str, changes: Sequence[Change]) -> str:
        """Return a heading with a card for each alert that both sides raise, not in the same way."""
        cards = "".join(self.card(change.after, changes_in_words(change)) for change in changes[:MOST_CARDS])
        return _section(title, about, len(changes), cards) if changes else ""

    def card(self, alert: Episode, how: str = "", way: str = "") -> str:
        """Return one alert: a line that opens to what is behind it; `how` it differs, in words; `way`, in a colour."""
        change = f'<span class="how {way}">{text(how)}</span>' if how else ""
        return (
            '<details class="alert"><summary>'
            f'<span class="when">{time_text(alert.fired_us)[5:19].replace("T", " ")}</span>'
            f"<span>{chip(alert.severity)}</span>"
            f'<span class="what">{text(alert.summary)} <span class="rule">({text(alert.rule, 60)})</span>'
            f"{self._truth(alert)}</span>{change}"
            f'</summary><div class="inside">{_facts(alert)}{_evidence(alert, self.said)}</div></details>'
        )

    def _truth(self, alert: Episode) -> str:
        """Say whether an alert is right, where somebody knows."""
        if not self.incidents:
            return ""
        hits = judge([alert], self.incidents).hits[0]
        if not hits:
            return ' <span class="truth no">false alarm</span>'
        return f' <span class="truth yes">right: {text(self.incidents[min(hits)].kind or "an incident", 60)}</span>'


def text(value: object, most: int = 240) -> str:
    """Return any value as text that is safe in a page."""
    return escape(safe_text(str(value), most))


def chip(severity: str) -> str:
    """Return a severity in its colour."""
    return f'<span class="chip" style="--chip: var(--{escape(severity)})">{escape(severity)}</span>'


def _section(title: str, about: str, count: int, cards: str) -> str:
    more = f'<p class="small">and {count - MOST_CARDS:,} more in report.json</p>' if count > MOST_CARDS else ""
    return f'<h2>{escape(title)} ({count:,})</h2><p class="about">{escape(about)}</p>{cards}{more}'


def _facts(alert: Episode) -> str:
    ended = "still open" if alert.resolved_us is None else f"{_time(alert.resolved_us)}, by {alert.resolved_by}"
    pending_us = alert.fired_us - alert.opened_us
    facts = {
        "device": alert.device_id,
        "opened": _time(alert.opened_us) if pending_us else None,
        "fired": _time(alert.fired_us) + (f", {duration(pending_us / 1e6)} after it opened" if pending_us else ""),
        "ended": ended,
        "events": f"{alert.count:,}",
        "category": alert.category,
        "alert": alert.alert_id,
    }
    rows = "".join(f"<dt>{name}</dt><dd>{text(value)}</dd>" for name, value in facts.items() if value is not None)
    return f"<dl>{rows}</dl>"


def _evidence(alert: Episode, said: Answers) -> str:
    items = "".join(f"<li>{''.join(_event(one, said))}</li>" for one in alert.evidence)
    return f'<ol class="evidence">{items}</ol>' if items else ""


def _event(one: Mapping[str, Any], said: Answers) -> Iterator[str]:
    yield f'<div class="quote">{_quote(one)}</div>'
    facts = [str(one.get("event_time", ""))[:19].replace("T", " "), one.get("kind"), _judgement(one)]
    if words := one.get("words"):
        facts.append("because of " + ", ".join(str(word) for word in words[:5]))
    yield f'<div class="small">{" · ".join(text(fact) for fact in facts if fact)}</div>'
    both = said.get(str(one.get("event_id")))
    if both is not None and (lines := list(_disagreements(both))):
        yield f'<div class="said">{"<br>".join(lines)}</div>'
    yield f'<div class="small"><code>{text(one.get("event_id", ""), 40)}</code></div>'


def _quote(one: Mapping[str, Any]) -> str:
    if one.get("metric") is None:
        return f"“{text(one.get('text') or one.get('template') or '', 300)}”"
    low, high = one.get("expected_low"), one.get("expected_high")
    expected = ""
    if isinstance(low, int | float) and isinstance(high, int | float):
        expected = f", expected {low:.4g} to {high:.4g}"
    value = one.get("value")
    return (
        f"{text(one['metric'], 80)} = {value:.6g}{expected}" if isinstance(value, int | float) else text(one["metric"])
    )


def _judgement(one: Mapping[str, Any]) -> str | None:
    if one.get("label") is None:
        return None
    score = one.get("score")
    return f"{one['label']} {score:.2f}" if isinstance(score, int | float) else str(one["label"])


def _disagreements(both: Said) -> Iterator[str]:
    """Say where the sides see the event itself in another way."""
    if both.before is None or both.after is None:
        yield f"only the {'candidate' if both.before is None else 'baseline'} has answers about this event"
        return
    for name in dict.fromkeys([*both.before, *both.after]):
        old, new = both.before.get(name), both.after.get(name)
        if label_of(old) != label_of(new):
            yield f'{text(name, 40)}: <span class="from">{_said(old)}</span> → <span class="to">{_said(new)}</span>'
        elif (scores := (_score(old), _score(new))) != (None, None) and scores[0] != scores[1]:
            yield f"{text(name, 40)}: {_said(old)} → {scores[1] or 'none'}"


def _said(answer: object) -> str:
    label = label_of(answer)
    return "none" if label is None else f"{text(label, 60)} {_score(answer) or ''}".rstrip()


def _score(answer: object) -> str | None:
    """Return an answer's score as it is shown; equal ones are no difference."""
    score = answer.get("score") if isinstance(answer, dict) else answer
    return f"{score:.2f}" if isinstance(score, int | float) and not isinstance(score, bool) else None


def _time(time_us: int) -> str:
    return time_text(time_us)[:19].replace("T", " ") + " UTC"
