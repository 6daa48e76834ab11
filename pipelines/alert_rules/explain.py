"""A rule explained: what it reads, when it fires, how bad that is, when it ends; in words, and as JSON."""

from __future__ import annotations

import dataclasses
from typing import Any

import orjson

from operators.alert_rule import AlertRule
from operators.alert_rule_words import ends_in_words, fires_in_words, reads_in_words
from operators.words import Say, listed
from pipelines.alert_rules.example import Example, example_of
from pipelines.alert_rules.known_labels import TOPIC_OF, Labels
from pipelines.alert_rules.rule_file import RuleSet
from pipelines.event_lines import AS_WRITTEN
from pipelines.words.alert_words import AlertWords

_FROM = {
    "default": "a default rule",
    "changed": "a default rule, changed by {path}",
    "file": "of {path}",
}


def explanation(
    rule: AlertRule, rules: RuleSet, heads: Labels, words: AlertWords = AS_WRITTEN
) -> list[tuple[str, str]]:
    """Return the lines of an explanation, as (what, words), in the language of `words`."""
    example, say = example_of(rule, heads), words.translation.say
    origin = say(_FROM[rules.origin(rule.name)], path=rules.path)
    lines = [("rule", say("{name}, {origin}", name=rule.name, origin=origin))]
    if rule.description:
        lines.append(("about", say(rule.description)))
    others = [f"{name} ({path})" for name, path in rule.labels]
    lines += [
        ("reads", f"{TOPIC_OF[rule.source].name}: {', '.join(columns_of(rule))}"),
        ("looks for", reads_in_words(rule, say)),
        ("alert for", say("each {labels}", labels=listed("{one}, {other}", ["device_id", *others], say))),
        ("fires", fires_in_words(rule, say)),
        ("severity", _severity(rule, say)),
        ("ends", ends_in_words(rule, say)),
        ("says", say(rule.summary)),
    ]
    if rule.fixed_labels:
        lines.append(("labels", ", ".join(f"{name}={value}" for name, value in rule.fixed_labels)))
    lines += [(title.removesuffix("_url"), text) for title, text in rule.annotations]
    return [(say(what) if what else "", told) for what, told in lines + _example_lines(example, words)]


def explanation_json(rule: AlertRule, rules: RuleSet, heads: Labels) -> dict[str, Any]:
    """Return a rule as JSON: its fields, its words, and an example."""
    example = example_of(rule, heads)
    return {
        "rule": rule.name,
        "origin": rules.origin(rule.name),
        "file": None if rules.path is None else str(rules.path),
        "description": rule.description or None,
        "source": rule.source,
        "topic": TOPIC_OF[rule.source].name,
        "columns": columns_of(rule),
        "words": rule.describe(),
        "where": [str(one) for one in rule.where],
        "when": [str(one) for one in rule.when],
        "together": [[str(one) for one in group] for group in rule.together],
        "clears": [str(one) for one in rule.clears] or ("otherwise" if rule.clears_otherwise else []),
        "count": rule.count,
        "within_s": rule.within_s,
        "for_s": rule.for_s,
        "absent_s": rule.absent_s,
        "keep_firing_for_s": rule.keep_firing_for_s,
        "resolve_after_s": rule.resolve_after_s,
        "flapping": None if rule.flapping is None else dataclasses.asdict(rule.flapping),
        "severity": rule.severity if isinstance(rule.severity, str) else _severity_json(rule),
        "by": dict(rule.labels),
        "labels": dict(rule.fixed_labels),
        "category": rule.category,
        "answer": rule.answer_column,
        "summary": rule.summary,
        "annotations": dict(rule.annotations),
        "example": None if example is None else {"events": list(example.events), "alert": _alert_json(example)},
    }


def columns_of(rule: AlertRule) -> list[str]:
    """Return the columns that a rule asks about, in the order in which it names them."""
    named = [one.column for one in rule.conditions] + [path for _, path in rule.labels]
    named += [] if isinstance(rule.severity, str) else rule.severity.columns
    named += [rule.category] if rule.category else []
    return list(dict.fromkeys(named)) or ["event_time"]


def _severity(rule: AlertRule, say: Say) -> str:
    chosen = rule.severity
    if isinstance(chosen, str):
        return say(chosen)
    told = ", ".join(f"{value}: {say(severity)}" for value, severity in chosen.mapping)
    read = say("read from {columns}", columns=listed("{one} or {other}", chosen.columns, say))
    read = say("{what} ({more})", what=read, more=told) if told else read
    return say("{read}; {otherwise} where that says nothing", read=read, otherwise=say(chosen.otherwise))


def _severity_json(rule: AlertRule) -> dict[str, Any]:
    chosen = rule.severity
    assert not isinstance(chosen, str)
    return {"from": list(chosen.columns), "map": chosen.table, "otherwise": chosen.otherwise}


def _example_lines(example: Example | None, words: AlertWords) -> list[tuple[str, str]]:
    if example is None:
        return []
    say = words.translation.say
    lines = [("example" if i == 0 else "", orjson.dumps(row).decode()) for i, row in enumerate(example.events[:3])]
    if more := len(example.events) - 3:
        lines += [("", say("... and {n} more", n=more))] if more > 0 else []
    return [*lines, ("", f"-> {say(str(example.alert['severity']))}: {words.sentence(example.event)}")]


def _alert_json(example: Example) -> dict[str, Any]:
    alert = example.alert
    named = {name: alert[name] for name in ("rule", "state", "severity", "category", "summary", "count")}
    return {
        **named,
        "opened_at": alert["opened_at"].isoformat().replace("+00:00", "Z"),
        "fired_at": alert["fired_at"].isoformat().replace("+00:00", "Z"),
        "labels": dict(alert["labels"]),
        "annotations": dict(alert["annotations"] or []),
    }
