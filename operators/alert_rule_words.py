"""An alert rule in words, for people: what it reads, when it fires, when its alert ends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from operators.condition import Condition

if TYPE_CHECKING:
    from operators.alert_rule import AlertRule


def in_words(rule: AlertRule) -> str:
    """Return the whole rule as one sentence."""
    about = " and ".join(["device_id", *(f"{name} ({path})" for name, path in rule.labels)])
    parts = [reads_in_words(rule), f"one alert for each {about}", fires_in_words(rule), severity_in_words(rule)]
    return f"{'; '.join([*parts, ends_in_words(rule)])}."


def reads_in_words(rule: AlertRule) -> str:
    """Say which rows mean something to the rule."""
    row = f"{'an' if rule.source == 'alarm' else 'a'} {rule.source} row"
    if rule.absent_s is not None:
        return f"no {rule.source} row{_with(rule.where)}"
    asked = _with((*rule.where, *rule.when))
    if not rule.together:
        return f"{row}{asked}"
    groups = (f"({number}) {_all(group)}" for number, group in enumerate(rule.together, 1))
    return f"{row}{asked}{' and' if asked else ' with'} any of {', '.join(groups)}"


def fires_in_words(rule: AlertRule) -> str:
    """Say when it fires."""
    if rule.absent_s is not None:
        return f"fires when the last one lies {span(rule.absent_s)} back"
    fires = "fires at once"
    if rule.count > 1:
        fires = f"fires when {rule.count} lie within {span(rule.within_s)}"
    if rule.together:
        fires = f"fires when all {len(rule.together)} come within {span(rule.within_s)}"
    if rule.for_s:
        lasts = f"it has lasted {span(rule.for_s)}"
        fires = f"fires when {lasts}" if fires == "fires at once" else f"{fires} and {lasts}"
    return fires


def severity_in_words(rule: AlertRule) -> str:
    """Say where its severity comes from."""
    if isinstance(rule.severity, str):
        return f"severity {rule.severity}"
    return f"severity read from {' or '.join(rule.severity.columns)}"


def ends_in_words(rule: AlertRule) -> str:
    """Say when its alert ends."""
    if rule.absent_s is not None:
        ends = f"ends when one comes, or is given up {span(rule.resolve_after_s)} after it fired"
    else:
        ends = f"ends after {span(rule.resolve_after_s)} without another"
        kept = f"{span(rule.keep_firing_for_s)} after " if rule.keep_firing_for_s else ""
        if rule.clears:
            ends += f", or {kept or 'when '}{' or '.join(map(str, rule.clears))}"
        if rule.clears_otherwise:
            ends += f", or {kept or 'at '}the next row that is none"
    if rule.flapping is not None:
        often = f"{rule.flapping.count} times within {span(rule.flapping.within_s)}"
        ends += f"; one that opens again after it opened {often} stays until it was quiet so long"
    return ends


def span(seconds: float) -> str:
    """Write a length of time in its largest whole unit.

    >>> span(600), span(86_400), span(90)
    ('10 min', '1 d', '90 s')
    """
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:g} s"


def _with(conditions: Iterable[Condition]) -> str:
    said = _all(conditions)
    return f" with {said}" if said else ""


def _all(conditions: Iterable[Condition]) -> str:
    return " and ".join(map(str, conditions))
