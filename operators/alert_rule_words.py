"""An alert rule in words, for people: what it reads, when it fires, when its alert ends; English unless told otherwise.

Every sentence and half-sentence is asked for by its English text (`Say`); other languages are in `pipelines/words`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from operators.condition import Condition
from operators.words import Say, in_english, listed

if TYPE_CHECKING:
    from operators.alert_rule import AlertRule


def in_words(rule: AlertRule) -> str:
    """Return the whole rule as one sentence."""
    about = " and ".join(["device_id", *(f"{name} ({path})" for name, path in rule.labels)])
    fires, ends = f"fires {fires_in_words(rule)}", f"ends {ends_in_words(rule)}"
    parts = [reads_in_words(rule), f"one alert for each {about}", fires, severity_in_words(rule)]
    return f"{'; '.join([*parts, ends])}."


def reads_in_words(rule: AlertRule, say: Say = in_english) -> str:
    """Say which rows mean something to the rule."""
    source = say(rule.source)
    if rule.absent_s is not None:
        asked = _all(rule.where, say)
        return say("no {source} row with {asked}" if asked else "no {source} row", source=source, asked=asked)
    asked = _all((*rule.where, *rule.when), say)
    article = "an" if rule.source == "alarm" else "a"
    row = say(f"{article} {{source}} row", source=source)
    if not rule.together:
        return say("{row} with {asked}", row=row, asked=asked) if asked else row
    groups = [f"({number}) {_all(group, say)}" for number, group in enumerate(rule.together, 1)]
    any_of = listed("{one}, {other}", groups, say)
    if asked:
        return say("{row} with {asked} and any of {groups}", row=row, asked=asked, groups=any_of)
    return say("{row} with any of {groups}", row=row, groups=any_of)


def fires_in_words(rule: AlertRule, say: Say = in_english) -> str:
    """Say when it fires."""
    if rule.absent_s is not None:
        return say("when the last one lies {length} back", length=span(rule.absent_s, say))
    within = span(rule.within_s, say)
    fires = ""
    if rule.count > 1:
        fires = say("when {n} lie within {length}", n=rule.count, length=within)
    if rule.together:
        fires = say("when all {n} come within {length}", n=len(rule.together), length=within)
    if rule.for_s:
        lasts = span(rule.for_s, say)
        if not fires:
            return say("when it has lasted {length}", length=lasts)
        return say("{fires} and it has lasted {length}", fires=fires, length=lasts)
    return fires or say("at once")


def severity_in_words(rule: AlertRule) -> str:
    """Say where its severity comes from."""
    if isinstance(rule.severity, str):
        return f"severity {rule.severity}"
    return f"severity read from {' or '.join(rule.severity.columns)}"


def ends_in_words(rule: AlertRule, say: Say = in_english) -> str:
    """Say when its alert ends."""
    quiet = span(rule.resolve_after_s, say)
    if rule.absent_s is not None:
        ends = say("when one comes, or is given up {length} after it fired", length=quiet)
    else:
        ends = say("after {length} without another", length=quiet)
        kept = span(rule.keep_firing_for_s, say) if rule.keep_firing_for_s else ""
        if rule.clears:
            asked = listed("{one} or {other}", (one.in_words(say) for one in rule.clears), say)
            if kept:
                ends = say("{ends}, or {length} after {asked}", ends=ends, length=kept, asked=asked)
            else:
                ends = say("{ends}, or when {asked}", ends=ends, asked=asked)
        if rule.clears_otherwise and kept:
            ends = say("{ends}, or {length} after the next row that is none", ends=ends, length=kept)
        elif rule.clears_otherwise:
            ends = say("{ends}, or at the next row that is none", ends=ends)
    if rule.flapping is not None:
        ends = say(
            "{ends}; one that opens again after it opened {n} times within {length} stays until it was quiet so long",
            ends=ends,
            n=rule.flapping.count,
            length=span(rule.flapping.within_s, say),
        )
    return ends


def span(seconds: float, say: Say = in_english) -> str:
    """Write a length of time in its largest whole unit.

    >>> span(600), span(86_400), span(90)
    ('10 min', '1 d', '90 s')
    """
    for size, pattern in ((86_400, "{n} d"), (3600, "{n} h"), (60, "{n} min")):
        if seconds >= size and seconds % size == 0:
            return say(pattern, n=f"{seconds / size:.0f}")
    return say("{n} s", n=f"{seconds:g}")


def _all(conditions: Iterable[Condition], say: Say) -> str:
    return listed("{one} and {other}", (one.in_words(say) for one in conditions), say)
