"""`hubbub alerts explain`, `rules` and `test`, and a rule file given to a job."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from operators.default_alert_rules import DEFAULT_ALERT_RULES
from pipelines.alert_rules.example import example_of
from pipelines.alert_rules.known_labels import labels_of_models
from tests.raised_alerts import has_han

Hubbub = Callable[..., Any]
RULES = """
[rules.freezer_warm]
source = "telemetry"
where.metric = "box_temp"
when.value = { above = -12 }
for = "10m"
clears = "otherwise"
severity = "major"
labels = { team = "cold-chain" }

[rules.gateway_silent]
source = "log"
absent = "15m"
severity = "minor"

[rules.log_novel]
enabled = false
"""
TESTS = """
[[tests]]
name = "a freezer warms up and cools down"
[[tests.events]]
topic = "device.telemetry.enriched"
every = "1m"
times = 20
device_id = "freezer-2"
metric = "box_temp"
value = -5
[[tests.events]]
topic = "device.telemetry.enriched"
at = "20m"
device_id = "freezer-2"
metric = "box_temp"
value = -20
[[tests.expect]]
at = "9m59s"
alerts = [{ rule = "freezer_warm", state = "pending" }]
[[tests.expect]]
at = "10m"
alerts = [{ rule = "freezer_warm", device_id = "freezer-2", fired_at = "10m", labels = { team = "cold-chain" } }]
[[tests.expect]]
at = "20m"
alerts = [{ rule = "freezer_warm", state = "resolved", resolved_by = "clear", count = 20 }]

[[tests]]
name = "a gateway says nothing"
start = 2026-05-01T12:00:00Z
[[tests.events]]
topic = "device.logs.enriched"
device_id = "gw-1"
message = "hello"
[[tests.expect]]
at = "14m59s"
alerts = []
[[tests.expect]]
at = 2026-05-01T12:15:00Z
device_id = "gw-1"
alerts = [{ rule = "gateway_silent", severity = "major" }]
[[tests.expect]]
at = "16m"
alerts = []
"""


@pytest.fixture
def files(hubbub: Hubbub, tmp_path: Path) -> Path:
    (tmp_path / "alerts.toml").write_text(RULES)
    (tmp_path / "alerts-test.toml").write_text(TESTS)
    return tmp_path


def test_a_rule_file_is_tested_against_events_and_what_differs_is_said(hubbub: Hubbub, files: Path) -> None:
    answer = hubbub("alerts", "test", "alerts-test.toml")
    assert answer.status == 1, answer.err
    assert answer.lines == [
        "ok    a freezer warms up and cools down",
        "FAIL  a gateway says nothing",
        "      at 2026-05-01 12:15:00+00:00: expected gateway_silent firing major, got it with severity minor and not "
        "major",
        '      at 16m: expected no other alert, got gateway_silent of gw-1 firing minor "gw-1: gateway silent, '
        'nothing since 12:00"',
        "1 of 2 tests hold",
    ]


def test_events_go_through_the_models(hubbub: Hubbub, files: Path) -> None:
    (files / "t.toml").write_text(
        """
        [[tests]]
        [[tests.events]]
        topic = "customer.messages"
        device_id = "d1"
        text = "Smoke comes out of the freezer, please help!"
        [[tests.expect]]
        at = "1s"
        alerts = [{ rule = "message_urgent", severity = "critical", category = "safety_hazard" }]
        """
    )
    answer = hubbub("alerts", "test", "t.toml", "--json")
    assert (answer.status, json.loads(answer.out)) == (0, {"name": "test 1", "passed": True, "differences": []})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "expected a section or key of rules, tests, got 'x'"),
        ("", "tests: expected a list, got None"),
        ("[[tests]]\n", "test 1: events: expected a list, got None"),
        ("[[tests]]\n[[tests.events]]\ntopic = 'device.log'\n", "got 'device.log'; did you mean 'device.logs'?"),
        ("[[tests]]\n[[tests.events]]\ntopic = 'alarms'\n", "event 1: device_id: expected a text, got None"),
        ("[[tests]]\n[[tests.events]]\ntopic = 'alarms'\ndevice_id = 'd'\ncoed = 'x'\n", "did you mean 'code'?"),
        (
            "[[tests]]\n[[tests.events]]\ntopic = 'alarms.enriched'\ndevice_id = 'd'\nhubbub.category.lable = 'x'\n",
            "expected a field of label, score, model, words, got 'lable'",
        ),
        (
            "[[tests]]\n[[tests.events]]\ntopic = 'alarms'\ndevice_id = 'd'\nstate = 'on'\n",
            "event 1: expected an event of alarms, got: ",
        ),
        (
            "[[tests]]\n[[tests.events]]\ntopic = 'alarms'\ndevice_id = 'd'\ntimes = 0\n",
            "times: expected 1 to 100,000, got 0",
        ),
        (
            "[[tests]]\n[[tests.events]]\ntopic='alarms'\ndevice_id='d'\n[[tests.expect]]\nat='1s'\n",
            "expect 1: alerts: expected a list of alerts",
        ),
        (
            "[[tests]]\n[[tests.events]]\ntopic='alarms'\ndevice_id='d'\n[[tests.expect]]\nat='soon'\nalerts=[]\n",
            "expect 1: at: expected a span of time",
        ),
        (
            "[[tests]]\n[[tests.events]]\ntopic='alarms'\ndevice_id='d'\n[[tests.expect]]\nat=1\nalerts=[{sate='x'}]\n",
            "got 'sate'; did you mean 'state'?",
        ),
    ],
)
def test_a_test_file_with_a_mistake_is_wrong_use(hubbub: Hubbub, files: Path, text: str, said: str) -> None:
    (files / "t.toml").write_text(text)
    answer = hubbub("alerts", "test", "t.toml")
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err
    assert answer.err.startswith("hubbub: t.toml: ")


def test_rules_are_explained_in_chinese(hubbub: Hubbub, files: Path) -> None:
    lines = hubbub("alerts", "explain", "freezer_warm", "--language", "zh").lines
    assert lines[0].startswith("规则      freezer_warm，来自 ")
    assert [line.split()[0] for line in lines if line[0] != " "] == [
        "规则", "读取", "查找", "告警对象", "触发", "级别", "结束", "语句", "标签", "示例",
    ]  # fmt: skip
    table = hubbub("alerts", "rules", "--language", "zh").lines
    assert table[0].split() == ["规则", "来源", "级别", "出处", "触发条件"]
    assert all(has_han(line) for line in table)
    assert has_han(hubbub("alerts", "explain", "log_abnormal", "--language", "zh").lines[-1].partition("：")[2])


def test_a_rule_is_explained_in_words_and_as_json(hubbub: Hubbub, files: Path) -> None:
    answer = hubbub("alerts", "explain", "freezer_warm")
    assert answer.status == 0, answer.err
    assert answer.lines[0] == "rule      freezer_warm, of alerts.toml"
    assert "fires     when it has lasted 10 min" in answer.lines
    assert "labels    team=cold-chain" in answer.lines
    assert answer.lines[-1].endswith("-> major: d-17: freezer warm, box_temp is -11.95 (1 reading since 08:00)")
    told = json.loads(hubbub("alerts", "explain", "gateway_silent", "--json").out)
    assert (told["absent_s"], told["origin"], told["example"]["alert"]["fired_at"]) == (
        900.0,
        "file",
        "2026-03-01T08:15:00Z",
    )
    answer = hubbub("alerts", "explain", "log_novel")
    assert (answer.status, "switched off by alerts.toml" in answer.err) == (2, True)
    answer = hubbub("alerts", "explain", "freezer")
    assert "did you mean 'freezer_warm'?" in answer.err


def test_the_rules_are_listed_with_where_they_come_from(hubbub: Hubbub, files: Path) -> None:
    answer = hubbub("alerts", "rules")
    assert answer.status == 0, answer.err
    assert [line.split()[0] for line in answer.lines] == [
        "RULE",
        "message_urgent",
        "customer_unhappy",
        "log_abnormal",
        "log_burst",
        "device_alarm",
        "telemetry_anomaly",
        "log_reading_anomaly",
        "failure_forecast",
        "log_silence",
        "freezer_warm",
        "gateway_silent",
        "log_novel",
    ]
    told = [json.loads(line) for line in hubbub("alerts", "rules", "--json").lines]
    assert [one["rule"] for one in told][-2:] == ["freezer_warm", "gateway_silent"]


@pytest.mark.parametrize("rule", DEFAULT_ALERT_RULES, ids=lambda rule: rule.name)
def test_each_default_rule_has_an_example_that_raises_it(rule: Any) -> None:
    example = example_of(rule, labels_of_models(None))
    assert example is not None
    assert example.alert["state"] == "firing"


def test_a_job_raises_what_its_rule_file_says(hubbub: Hubbub, files: Path) -> None:
    (files / "mine.toml").write_text(
        "defaults = false\n[rules.any_alarm]\nsource = 'alarm'\nwhen.code = 'E-1'\nseverity = 'minor'\n"
    )
    alarms = [{"device_id": "d", "event_time": "2026-03-01T08:00:00Z", "code": code} for code in ("E-1", "E-2")]
    enriched = [
        {**one, "hubbub": {"input": {"event_id": one["code"], "topic": "alarms", "partition": 0, "offset": 0}}}
        for one in alarms
    ]
    (files / "a.jsonl").write_text("".join(json.dumps(one) + "\n" for one in enriched))
    assert hubbub("produce", "alarms.enriched", "a.jsonl").status == 0
    answer = hubbub("run", "alerts", "--until-end", "--rules", "mine.toml", stdin=b"")
    assert answer.status == 0, answer.err
    told = [json.loads(line) for line in hubbub("alerts", "--json").lines]
    assert [(one["rule"], one["severity"], one["state"]) for one in told] == [("any_alarm", "minor", "firing")]


def test_check_says_all_that_is_wrong_with_the_rules(hubbub: Hubbub, files: Path) -> None:
    (files / "alerts.toml").write_text("[rules.a]\nsource = 'x'\n[rules.b]\nsource = 'y'\n")
    answer = hubbub("check", "--json")
    told = [json.loads(line) for line in answer.lines]
    wrong = [one["sentence"] for one in told if one["level"] == "wrong"]
    assert (answer.status, len(wrong)) == (1, 2)
    assert all(one.startswith("alerts.toml: rule ") for one in wrong)
    answer = hubbub("run", "alerts", "--until-end")
    assert (answer.status, "alerts.toml: rule a: source: expected one of" in answer.err) == (2, True)


def test_another_rule_file_is_a_candidate_for_replay(hubbub: Hubbub, files: Path) -> None:
    """Today's rules are those of alerts.toml, under which the freezer is too warm after ten minutes."""
    (files / "mine.toml").write_text(RULES.replace('"10m"', '"30m"'))
    values = [-5.0] * 15 + [-20.0]
    lines = [
        {"device_id": "f", "event_time": f"2026-03-01T08:{i:02d}:00Z", "metric": "box_temp", "value": value}
        for i, value in enumerate(values)
    ]
    (files / "a.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    command = ("replay", "--input", "a.jsonl", "--topic", "device.telemetry", "--rules", "mine.toml")
    answer = hubbub(*command)
    assert answer.status == 1, answer.err
    assert "baseline   today's models: 1 alert" in answer.out
    assert "candidate  rules of mine.toml: 0 alerts" in answer.out
    assert hubbub(*command[:-1], "alerts.toml").status == 0
