"""Notifications in the language of their receiver: every frame, and sentences that were worded from the event."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
import re2
from msgspec.structs import replace as changed

from operators.alert_rule import AlertRule
from operators.default_alert_rules import DEFAULT_ALERT_RULES
from pipelines.notify.alert import Alert, alert_of
from pipelines.notify.chat_text import chat_text
from pipelines.notify.plan import HOUR, Receiver, Route, Step
from pipelines.notify.trial import trial_notification
from pipelines.notify.wording import Wording
from pipelines.words.languages import CHINESE, translation_to
from tests.raised_alerts import event_of, has_han
from tests.told_world import MINUTE, START, World, alert, plan

TEAM, PHONE = (Receiver(name, "apprise", language="zh") for name in ("team", "phone"))
LATIN = re2.compile("[A-Za-z]{2,}")


def in_chinese(name: str, severity: str = "major", **more: Any) -> Alert:
    return changed(alert(name, severity, **more), in_language={"zh": {"summary": f"{name} 过热"}})


def chinese_world(*routes: Route, receiver: Receiver = TEAM, **changes: object) -> World:
    return World(plan(*routes, receivers=[receiver, PHONE], **changes))


def words_of(body: str) -> str:
    content = orjson.loads(body)
    return f"{content['title']}\n{content['body']}"


def test_one_alert_from_its_beginning_to_its_end() -> None:
    world = chinese_world(escalate=(Step(15 * MINUTE, "phone"),))
    world.take(in_chinese("泵"))
    [fires] = world.after(MINUTE)
    [late] = world.after(15 * MINUTE)
    [again] = world.after(4 * HOUR)
    world.take(in_chinese("泵", revision=2, firing=False))
    ends = world.after(10 * MINUTE)
    assert [fires.title, late.title, again.title] == [
        "重要：泵 过热",
        "重要，自 2026-03-01 08:00 UTC 起无人确认：泵 过热",
        "重要，已持续 4小时：泵 过热",
    ]
    assert {one.title for one in ends} == {"已恢复：泵 过热"} and len(ends) == 2
    assert orjson.loads(fires.body)["body"] == "- 重要，自 2026-03-01 08:00 UTC 起：泵 过热"


def test_groups_and_digests() -> None:
    world = chinese_world(group_by=(), receiver=replace(TEAM, rate_limit=2))
    world.take(in_chinese("泵"), changed(in_chinese("门", "critical"), count=3))
    [told] = world.after(MINUTE)
    assert words_of(told.body).splitlines() == [
        "2 条触发中",
        "- 紧急，自 2026-03-01 08:00 UTC 起：门 过热（3 个事件）",
        "- 重要，自 2026-03-01 08:00 UTC 起：泵 过热",
    ]
    world.decisions.acknowledge("门")
    world.take(in_chinese("灯"))
    [told] = world.after(5 * MINUTE)
    assert "门 过热（3 个事件、已确认）" in words_of(told.body)
    [again] = world.after(5 * HOUR)
    assert again.title == "仍有 3 条触发中"
    world.take(*(in_chinese(name, revision=2, firing=False) for name in "泵门灯"))
    [over] = world.after(10 * MINUTE)
    assert over.title == "3 条已全部恢复"
    world = chinese_world(group_by=("device_id",), receiver=replace(TEAM, rate_limit=1))
    world.take(*(in_chinese(name) for name in "一二三"))
    [first, digest] = world.after(2 * MINUTE)
    assert first.title == "重要：一 过热"
    assert digest.title == "2 组告警的汇总：2 条触发中，0 条已恢复，最严重的是：三 过热"


def test_a_long_list_is_cut_in_the_same_language() -> None:
    world = chinese_world(group_by=("alertname",))
    world.take(*(changed(in_chinese(f"{n}"), annotations={"runbook_url": "https://r.invalid"}) for n in range(20)))
    [told] = world.after(MINUTE)
    lines = words_of(told.body).splitlines()
    assert lines[0] == "20 条触发中：alertname=too-warm"
    assert lines[-2:] == ["…… 另有 5 条", "处理手册：https://r.invalid"]


def test_what_has_no_words_in_a_language_is_told_as_it_was_written() -> None:
    world = chinese_world()
    world.take(alert("pump"))
    [told] = world.after(MINUTE)
    assert told.title == "重要：pump is too warm"
    english = World(plan(receivers=[replace(TEAM, language="en")]))
    english.take(in_chinese("pump"))
    assert english.after(MINUTE)[0].title == "MAJOR: pump is too warm"


@pytest.mark.parametrize("rule", DEFAULT_ALERT_RULES, ids=lambda rule: rule.name)
def test_the_default_rules_are_told_without_an_english_word(rule: AlertRule) -> None:
    """What devices and people wrote, and names, stay; everything around them is Chinese."""
    event = event_of(rule)
    found = alert_of(event)
    assert found is not None
    world = chinese_world()
    told = Wording(("en", "zh"), DEFAULT_ALERT_RULES).of_alert(event)
    assert set(told) == {"zh"}, "in English it stands in the event already"
    world.decisions.take(changed(found, in_language=told), START)
    [sent] = world.after(MINUTE)
    text = words_of(sent.body)
    assert has_han(text)
    last = event["evidence"][-1]
    said = [event["device_id"], "UTC", *(chat_text(str(last.get(name) or "")) for name in ("text", "metric"))]
    said += [*event["labels"].values(), *(last.get("words") or ())]
    for known in sorted(said, key=len, reverse=True):
        text = text.replace(known, "")
    assert LATIN.findall(text) == []


def test_a_webhook_and_alertmanager_have_the_words_and_the_same_labels() -> None:
    for kind in ("webhook", "alertmanager"):
        world = chinese_world(receiver=Receiver("team", kind, language="zh"))
        world.take(in_chinese("pump"))
        [told] = world.after(MINUTE)
        body = orjson.loads(told.body)
        [one] = body["alerts"] if kind == "webhook" else body
        assert one["annotations"] == {"summary": "pump 过热"}
        assert one["labels"] == {"alertname": "too-warm", "device_id": "pump", "severity": "major"}


def test_what_a_device_writes_moves_no_chat_in_chinese_either() -> None:
    world = chinese_world()
    hostile = "<!channel> @all {what} \u202egpj.exe\x1b[31m"
    world.take(changed(alert("a"), in_language={"zh": {"summary": hostile}}))
    [told] = world.after(MINUTE)
    for said in words_of(told.body).splitlines():
        assert not set(said) & set("<>`\x1b\u202e") and "@" not in said and "{what}" in said


def test_a_notification_to_try_is_in_the_language() -> None:
    assert "发出的测试" in trial_notification(TEAM, START).title
    assert "a test by" in trial_notification(replace(TEAM, language=None), START).title


def test_every_language_has_its_words() -> None:
    assert translation_to("zh").words is CHINESE
    assert translation_to(None).say("RESOLVED: {what}", what="{x}") == "RESOLVED: {x}"
    assert translation_to("en").count(1, "{n} event", "{n} events") == "1 event"
