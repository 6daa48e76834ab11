"""Rules as values: what they refuse, what they say about themselves, what their conditions mean."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import pytest

from operators.alert_evidence import source_of
from operators.alert_memory import Evidence
from operators.alert_rule import AlertRule, SeverityFrom
from operators.condition import Comparison, Condition, Value, all_of, any_of
from operators.default_alert_rules import DEFAULT_ALERT_RULES, DEVICE_ALARM, LOG_ABNORMAL
from operators.summary_template import MOST_SUMMARY_CHARACTERS, SummaryTemplate
from schemas.alerts import EVIDENCE
from schemas.answers import (
    ALARMS_ENRICHED,
    CUSTOMER_MESSAGES_ENRICHED,
    DEVICE_LOGS_ENRICHED,
    DEVICE_TELEMETRY_ENRICHED,
)
from schemas.device_forecasts import DEVICE_FORECASTS
from schemas.log_silences import DEVICE_LOG_SILENCES
from schemas.topic import Topic
from tests.drawn_rows import rows

TOPICS = {
    "log": DEVICE_LOGS_ENRICHED,
    "message": CUSTOMER_MESSAGES_ENRICHED,
    "alarm": ALARMS_ENRICHED,
    "telemetry": DEVICE_TELEMETRY_ENRICHED,
    "forecast": DEVICE_FORECASTS,
    "silence": DEVICE_LOG_SILENCES,
}
READINGS = rows(
    DEVICE_TELEMETRY_ENRICHED,
    """
    metric | value | hubbub.anomaly.is_anomaly | hubbub.anomaly.kind
    a      | 1.0   | true                      | spike
    b      | 2.0   | false                     | drift
    c      | -     | -                         | -
    """,
)


@pytest.mark.parametrize(
    ("column", "comparison", "value", "answer"),
    [
        ("metric", "==", "a", [True, False, False]),
        ("hubbub.anomaly.kind", "!=", "spike", [False, True, True]),
        ("hubbub.anomaly.kind", "in", ("spike", "step"), [True, False, False]),
        ("hubbub.anomaly.kind", "not in", ("spike", "step"), [False, True, True]),
        ("value", ">=", 2, [False, True, False]),
        ("value", ">", 1.0, [False, True, False]),
        ("value", "<=", 1.0, [True, False, False]),
        ("value", "<", 1.0, [False, False, False]),
        ("hubbub.anomaly.is_anomaly", "is true", None, [True, False, False]),
        ("hubbub.anomaly.is_anomaly", "is false", None, [False, True, False]),
    ],
)
def test_what_is_not_known_fulfils_only_what_rules_something_out(
    column: str, comparison: Comparison, value: Value, answer: list[bool]
) -> None:
    condition = Condition(column, comparison, value)
    condition.check(READINGS.schema)
    assert condition.mask(READINGS).to_pylist() == answer


def test_all_and_any() -> None:
    first, second = Condition("metric", "==", "a"), Condition("value", ">=", 2)
    assert all_of((first, second), READINGS) is None
    both = any_of((first, second), READINGS)
    assert both is not None
    assert both.to_pylist() == [True, True, False]
    assert any_of((), READINGS) is None


@pytest.mark.parametrize(
    ("comparison", "value", "words"),
    [
        ("~", "a", "one of"),
        (">=", "a", "a number"),
        (">=", float("nan"), "a number"),
        (">=", True, "a number"),
        ("in", "abc", "a tuple"),
        ("in", (), "a tuple"),
        ("==", None, "a text"),
        ("is true", "true", "no value"),
    ],
)
def test_a_comparison_goes_with_its_value(comparison: Comparison, value: Value, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Condition("metric", comparison, value)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (Condition("metrics", "==", "a"), "metrics"),
        (Condition("metric.name", "==", "a"), "name"),
        (Condition("hubbub.anomaly.score.x", ">", 1), "double"),
        (Condition("metric", ">", 1), "a number"),
        (Condition("value", "==", "a"), "a text"),
        (Condition("value", "is true"), "a boolean"),
    ],
)
def test_a_condition_says_what_the_column_is_instead(condition: Condition, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        condition.check(READINGS.schema)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "Über"}, "lower-case"),
        ({"source": "smoke"}, "smoke"),
        ({"when": ()}, "at least one"),
        ({"severity": "awful"}, "awful"),
        ({"severity": "cleared"}, "cleared"),
        ({"count": 0}, "1 or more"),
        ({"within_s": 0.0}, "within_s"),
        ({"resolve_after_s": float("inf")}, "resolve_after_s"),
        ({"resolve_after_s": float("nan")}, "resolve_after_s"),
        ({"labels": (("a", "code"), ("a", "text"))}, "of their own"),
        ({"labels": (("severity", "code"),)}, "something else"),
        ({"summary": "{nothing}"}, "nothing"),
        ({"summary": "{text.__class__}"}, "plain name"),
        ({"summary": "{text[0]}"}, "plain name"),
        ({"summary": "{text!r}"}, "plain name"),
        ({"summary": "{}"}, "plain name"),
        ({"summary": "{value:>99999999}"}, "precision"),
        ({"summary": "{value:{count}}"}, "precision"),
        ({"summary": "{text"}, "summary"),
    ],
)
def test_a_rule_that_could_never_work_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(DEVICE_ALARM, **fields)


def test_a_severity_is_the_first_that_is_known() -> None:
    assert SeverityFrom(("a",), "minor").table["critical"] == "critical"
    assert "cleared" not in SeverityFrom(("a",), "minor").table
    with pytest.raises(ValueError, match="at least one column"):
        SeverityFrom((), "minor")
    with pytest.raises(ValueError, match="bad"):
        SeverityFrom(("a",), "minor", (("x", "bad"),))


@pytest.mark.parametrize("rule", DEFAULT_ALERT_RULES, ids=lambda rule: rule.name)
def test_the_default_rules_fit_their_topics(rule: AlertRule) -> None:
    rule.check(TOPICS[rule.source].row_schema)
    assert pickle.loads(pickle.dumps(rule)) == rule
    assert hash(rule) == hash(dataclasses.replace(rule))
    assert rule.description.endswith(".")
    assert rule.name in rule.describe()


def test_a_rule_says_in_words_what_it_does() -> None:
    assert LOG_ABNORMAL.describe() == (
        "log_abnormal: a log row with hubbub.abnormal.label is true and hubbub.category.label is not normal and "
        "hubbub.abnormal.score >= 0.8 and severity is not indeterminate or cleared; one alert for each device_id and "
        "category (hubbub.category.label); fires when 3 lie within 10 min; severity read from severity; ends after 30 "
        "min without another."
    )


@pytest.mark.parametrize(("source", "topic"), TOPICS.items())
def test_the_source_is_told_by_its_columns(source: str, topic: Topic) -> None:
    assert source_of(topic.row_schema) == source


def test_evidence_has_the_columns_of_its_schema() -> None:
    assert {field.name for field in EVIDENCE} == {"kind", *Evidence.__struct_fields__}


def test_a_summary_is_filled_with_safe_values_and_bounded() -> None:
    template = SummaryTemplate("{text}: {value} {value:.1f} {count} {score} {{text}}")
    assert template.fields == ("text", "value", "count", "score")
    filled = template.fill({"text": "a\x1b\n{value}", "value": 9.123456, "count": 1_234_567, "score": None})
    assert filled == "a {value}: 9.123 9.1 1234567 unknown {text}"
    assert len(SummaryTemplate("{text}" * 50).fill({"text": "y" * 1000})) == MOST_SUMMARY_CHARACTERS
