"""The evidence of alerts as people read it: the new part of log lines marked, and the words that mattered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.broker import Broker
from pipelines.console.events_near import event_us, events_near
from pipelines.console.marked_text import Piece, marked_words, new_part
from schemas.answers import DEVICE_LOGS_ENRICHED

A_DAY_US: Final = 86_400_000_000
MOST_LINES: Final = 3000
MOST_TEMPLATES: Final = 300


@dataclass(frozen=True, slots=True)
class Before:
    """What a device had written before something began: the templates, the latest first, of so many lines."""

    templates: tuple[str, ...]
    lines: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """One event that supports an alert.

    `news` says what is new in a log line, against the device's `lines_before`: `all` of it, `part` of it (and `like` is
    the earlier template without it), nothing (empty), or null where nothing is known of earlier lines.
    """

    event_id: str
    kind: str
    when: str
    device_id: str
    pieces: tuple[Piece, ...] = ()
    words: tuple[str, ...] = ()
    news: str | None = None
    like: str | None = None
    lines_before: int = 0
    label: str | None = None
    score: float | None = None
    model: str | None = None
    metric: str | None = None
    value: float | None = None
    expected: tuple[float, float] | None = None


def evidence_of(alert: Mapping[str, Any], before: Before | None = None) -> list[Evidence]:
    """Return an alert's evidence, in order; `before` is what its device had written before."""
    found = alert.get("evidence")
    entries = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    device = str(alert.get("device_id"))
    return [_evidence(one, device, before) for one in entries]


def lines_before(broker: Broker, device_id: str, moment_us: int) -> Before | None:
    """Return what a device wrote in the day before, at most MOST_LINES lines; None where it wrote nothing."""
    topic = DEVICE_LOGS_ENRICHED.name
    found = events_near(broker, topic, device_id, moment_us - A_DAY_US, moment_us - 1, most=MOST_LINES)
    templates: dict[str, None] = {}
    for event in reversed(found.events):
        answers = event.get("hubbub")
        template = answers.get("template") if isinstance(answers, dict) else None
        if isinstance(template, str):
            templates.setdefault(template)
    return Before(tuple(templates)[:MOST_TEMPLATES], len(found.events)) if templates else None


def first_moment(alert: Mapping[str, Any]) -> int | None:
    """Return when the first evidence of an alert was, microseconds since 1970."""
    return event_us({"event_time": alert.get("opened_at")})


def _evidence(one: Mapping[str, Any], device: str, before: Before | None) -> Evidence:
    kind, text = str(one.get("kind")), one.get("text")
    words = tuple(str(word) for word in one.get("words") or ())
    pieces: tuple[Piece, ...] = ()
    news = like = None
    if isinstance(text, str) and kind == "log":
        part = new_part(text, before.templates if before is not None else ())
        pieces = part.pieces
        if before is not None:
            news, like = ("part" if part.like else "all") if part.is_new else "", part.like
    elif isinstance(text, str):
        pieces = marked_words(text, words)
    low, high = one.get("expected_low"), one.get("expected_high")
    return Evidence(
        event_id=str(one.get("event_id")),
        kind=kind,
        when=str(one.get("event_time")),
        device_id=device,
        pieces=pieces,
        words=words,
        news=news,
        like=like,
        lines_before=before.lines if before is not None else 0,
        label=None if one.get("label") is None else str(one["label"]),
        score=one.get("score"),
        model=None if one.get("model") is None else str(one["model"]),
        metric=None if one.get("metric") is None else str(one["metric"]),
        value=one.get("value"),
        expected=None if low is None or high is None else (low, high),
    )
