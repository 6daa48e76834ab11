"""The sentence of an alert: what its template's fields are filled with, in English unless told otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from operators.alert_memory import Evidence
from operators.alert_rule import AlertRule, Source
from operators.words import Say, in_english

Field = str | float | None
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
COUNTED: Final[dict[Source, tuple[str, str]]] = {
    "log": ("{n} line", "{n} lines"),
    "message": ("{n} message", "{n} messages"),
    "alarm": ("{n} alarm", "{n} alarms"),
    "telemetry": ("{n} reading", "{n} readings"),
    "forecast": ("{n} forecast", "{n} forecasts"),
    "silence": ("{n} silence", "{n} silences"),
}


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a sentence tells of, at one moment: times in microseconds since 1970, `last` is its latest event."""

    severity: str
    category: str | None
    count: int
    opened_at: int
    updated_at: int
    last: Evidence | None


def spaced(label: str) -> str:
    """Return a model's label as English has it."""
    return label.replace("_", " ")


def fields_of(
    rule: AlertRule,
    device_id: str,
    labels: Mapping[str, str],
    occasion: Occasion,
    say: Say = in_english,
    named: Callable[[str], str] = spaced,
) -> dict[str, Field]:
    """Return what a rule's templates may name; `named` gives a category or label in the language of `say`."""
    last, (one, many) = occasion.last, COUNTED[rule.source]
    fields: dict[str, Field] = {
        "device_id": device_id,
        "rule": rule.name,
        "severity": occasion.severity,
        "category": None if occasion.category is None else named(occasion.category),
        "count": occasion.count,
        "counted": say(one if occasion.count == 1 else many, n=occasion.count),
        "since": _since(occasion.opened_at, occasion.updated_at),
        **labels,
    }
    if last is not None:
        for name in ("text", "template", "label", "score", "metric", "value", "expected_low", "expected_high"):
            fields.setdefault(name, getattr(last, name))
        fields["words"] = ", ".join(last.words[:3]) if last.words else None
        fields["judgement"] = _judgement(last, say, named)
    return fields


def _judgement(last: Evidence, say: Say, named: Callable[[str], str]) -> str:
    low, high, value = last.expected_low, last.expected_high, last.value
    if value is not None and ((low is not None and value < low) or (high is not None and value > high)):
        if low is None:
            return say("above {high}", high=f"{high:.4g}")
        if high is None:
            return say("below {low}", low=f"{low:.4g}")
        return say("outside {low} ... {high}", low=f"{low:.4g}", high=f"{high:.4g}")
    return say("unusual") if last.label is None else say("unusual ({label})", label=named(last.label))


def _since(opened_at: int, updated_at: int) -> str:
    opened = _EPOCH + timedelta(microseconds=opened_at)
    same_day = opened.date() == (_EPOCH + timedelta(microseconds=updated_at)).date()
    return opened.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M")
