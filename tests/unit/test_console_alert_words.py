"""An alert's sentence in Chinese is made from the very event; what another rule has worded stays as it was written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.bundle import read_card
from operators.alert_rule import AlertRule, Source
from operators.alert_rule_words import ends_in_words, fires_in_words, reads_in_words
from operators.condition import Condition
from operators.default_alert_rules import DEFAULT_ALERT_RULES
from pipelines.console.app import words_of
from pipelines.console.pages import PAGES
from pipelines.installed_models import installed_models
from pipelines.words.alert_words import AlertWords
from pipelines.words.model_words import head_name, task_name
from pipelines.words.translation import Translation
from schemas.catalog import TOPICS
from tests.raised_alerts import event_of, has_han

CHINESE = Translation("zh", words_of("zh"))
ENGLISH = Translation("en", words_of("en"))


@pytest.mark.parametrize("rule", DEFAULT_ALERT_RULES, ids=lambda rule: rule.name)
def test_each_default_rule_speaks_chinese(rule: AlertRule) -> None:
    event = event_of(rule)
    said = AlertWords(DEFAULT_ALERT_RULES, CHINESE).sentence(event)
    assert has_han(said) and said.startswith(f"{event['device_id']}："), said
    assert "unknown" not in said and "_" not in said.removeprefix(event["device_id"]).replace(
        str(event["evidence"][-1].get("metric")), ""
    ), said
    assert AlertWords(DEFAULT_ALERT_RULES, ENGLISH).sentence(event) == event["summary"]
    assert has_han(CHINESE.say(rule.description))


def test_what_another_rule_has_worded_stays() -> None:
    rule = DEFAULT_ALERT_RULES[2]
    event = event_of(rule)
    words = AlertWords(DEFAULT_ALERT_RULES, CHINESE)
    assert words.sentence({**event, "summary": "as somebody else wrote it"}) == "as somebody else wrote it"
    assert words.sentence({**event, "rule": "of_another_file"}) == event["summary"]
    own = replace(rule, summary="{device_id} 有问题")
    assert AlertWords((own,), CHINESE).sentence(event) == event["summary"]
    # An event that lacks what its sentence needs was not worded from it.
    assert words.sentence({"rule": rule.name, "summary": "no more than this"}) == "no more than this"


def test_hostile_text_stays_text_in_chinese() -> None:
    rule = next(one for one in DEFAULT_ALERT_RULES if one.name == "device_alarm")
    event = event_of(rule)
    said = "\u202e{category} \x1b[2J<script>"
    event["evidence"][-1]["text"] = said
    written = AlertWords(DEFAULT_ALERT_RULES, ENGLISH).sentence(event)
    template = rule.summary.format_map({"device_id": event["device_id"], "code": event["labels"]["code"], "text": ""})
    event["summary"] = f"{template.rstrip()} {{category}} [2J<script>"
    found = AlertWords(DEFAULT_ALERT_RULES, CHINESE).sentence(event)
    assert "\u202e" not in found and "\x1b" not in found and "{category}" in found, (found, written)


def rule_of(name: str, source: Source, **more: Any) -> AlertRule:
    return AlertRule(name, source, **{"when": (), "severity": "major", "summary": "{device_id}", **more})


RULES = (
    *DEFAULT_ALERT_RULES,
    rule_of(
        "many", "log", when=(Condition("severity", "not in", ("minor", "info")), Condition("message", "contains", "x")),
        count=3, for_s=600, clears_otherwise=True, keep_firing_for_s=60,
    ),
    rule_of("away", "log", where=(Condition("component", "==", "gateway"),), absent_s=900),
    rule_of(
        "both", "log", where=(Condition("component", "matches", "g.*"),), within_s=300,
        together=((Condition("message", "contains", "a"),), (Condition("message", "!=", "b"),)),
    ),
    rule_of("range", "telemetry", when=(Condition("value", "outside", (1.0, 2.0)), Condition("value", "<", 9.0))),
    rule_of("inside", "telemetry", when=(Condition("value", "between", (1.0, 2.0)), Condition("value", ">", 0.0))),
)  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rules_are_explained_in_chinese_without_an_english_word(rule: AlertRule) -> None:
    asked: list[str] = []

    def say(english: str, /, **values: object) -> str:
        asked.append(english)
        return CHINESE.say(english, **values)

    for words in (reads_in_words(rule, say), fires_in_words(rule, say), ends_in_words(rule, say)):
        assert has_han(words), words
    assert [one for one in asked if one not in CHINESE.words] == []


def test_every_declared_column_says_in_chinese_what_it_is() -> None:
    columns = [column for topic in TOPICS.values() for column in topic.schema]
    said = {(column.metadata or {}).get(b"description", b"").decode() for column in columns} - {""}
    assert sorted(said - CHINESE.words.keys()) == []


def test_models_have_words_for_what_they_are_for_and_what_they_answer() -> None:
    cards = [read_card(one.folder)[0] for one in installed_models({})]
    tasks = {task_name(card.task, CHINESE.say) for card in cards}
    heads = {head_name(head.name, CHINESE.say) for card in cards for head in card.heads}
    labels = {CHINESE.words.get(label, label) for card in cards for head in card.heads for label in head.labels}
    assert [one for one in sorted(tasks | heads | labels) if not has_han(one)] == []
    assert (task_name("text", ENGLISH.say), head_name("kind", ENGLISH.say)) == (
        "what texts are about",
        "kind of anomaly",
    )
    assert task_name("of another hubbub", CHINESE.say) == "of another hubbub"


def test_one_english_text_has_one_chinese() -> None:
    said: dict[str, set[str]] = {}
    for words in (words_of("zh"), *(page.chinese for page in PAGES)):
        for english, text in words.items():
            said.setdefault(english, set()).add(text)
    assert {english: texts for english, texts in said.items() if len(texts) > 1} == {}
