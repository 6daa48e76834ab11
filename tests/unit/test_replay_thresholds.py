"""`--set NAME=VALUE`: what it changes in rules, operators and the job, and what it says of a name that is none."""

from __future__ import annotations

import pytest

from operators.alert_rule import AlertRule
from operators.condition import Condition
from operators.raise_alerts import RaiseAlerts
from pipelines.bad_input import BadInput
from pipelines.catalog import shipped_pipeline
from pipelines.engines.job_settings import JobSettings
from pipelines.pipeline import Pipeline
from pipelines.replay.thresholds import job_with, pipelines_with, read_thresholds


def changed(*texts: str) -> dict[str, AlertRule]:
    [pipeline] = pipelines_with([shipped_pipeline("alerts")], read_thresholds(texts))
    [operator] = pipeline.operators
    assert isinstance(operator, RaiseAlerts)
    return {rule.name: rule for rule in operator.rules}


def test_sets_fields_of_a_rule_and_nothing_else() -> None:
    before = changed()
    after = changed("log_abnormal.count=5", "log_abnormal.within_s=60", "log_novel.severity=critical")
    assert (after["log_abnormal"].count, after["log_abnormal"].within_s) == (5, 60.0)
    assert after["log_novel"].severity == "critical"
    rest = before.keys() - {"log_abnormal", "log_novel"}
    assert {name: after[name] for name in rest} == {name: before[name] for name in rest}


def test_sets_the_times_of_a_rule_and_a_range() -> None:
    changed_rule = changed("device_alarm.for_s=90", "device_alarm.keep_firing_for_s=5")["device_alarm"]
    assert (changed_rule.for_s, changed_rule.keep_firing_for_s) == (90.0, 5.0)
    odd = Condition("value", "outside", (1.0, 8.0))
    rules = (
        AlertRule("odd", "telemetry", (odd,), "minor", "{device_id}"),
        AlertRule("silent", "telemetry", (), "minor", "{device_id}", absent_s=60.0),
    )
    [pipeline] = pipelines_with(
        [shipped_pipeline("alerts", rules=rules)], read_thresholds(["odd.value=2,9.5", "silent.absent_s=30"])
    )
    [operator] = pipeline.operators
    assert isinstance(operator, RaiseAlerts)
    assert [str(one) for one in operator.rules[0].when] == ["value is outside 2.0 to 9.5"]
    assert operator.rules[1].absent_s == 30.0
    with pytest.raises(BadInput, match=r"odd\.value: expected a number, got 'x'"):
        pipelines_with([shipped_pipeline("alerts", rules=rules)], read_thresholds(["odd.value=2,x"]))
    with pytest.raises(BadInput, match="expected one of"):
        pipelines_with([shipped_pipeline("alerts", rules=rules)], read_thresholds(["odd.absent_s=2"]))


@pytest.mark.parametrize("column", ["abnormal.score", "hubbub.abnormal.score"])
def test_sets_what_a_condition_compares_with(column: str) -> None:
    conditions = {str(one) for one in changed(f"log_abnormal.{column}=0.95")["log_abnormal"].when}
    assert "hubbub.abnormal.score >= 0.95" in conditions
    assert len(conditions) == 4


def test_sets_a_list_of_values() -> None:
    conditions = {str(one) for one in changed("message_urgent.urgency.label=critical")["message_urgent"].when}
    assert "hubbub.urgency.label is critical" in conditions


def test_leaves_a_rule_out() -> None:
    assert changed("log_novel=off").keys() == changed().keys() - {"log_novel"}


def test_sets_a_field_of_an_operator() -> None:
    [telemetry] = pipelines_with(
        [shipped_pipeline("telemetry")], read_thresholds(["detect_anomalies.alarm_probability=0.25"])
    )
    [detector] = [one for one in telemetry.operators if one.name == "detect_anomalies"]
    assert getattr(detector, "alarm_probability") == 0.25  # noqa: B009 - an operator of any kind


def test_sets_time_rules() -> None:
    settings = job_with(JobSettings(), read_thresholds(["job.lateness_s=60", "job.max_ahead_s=5"]))
    assert (settings.lateness_s, settings.max_ahead_s) == (60.0, 5.0)


def test_without_thresholds_pipelines_stay_the_very_same() -> None:
    pipelines = [shipped_pipeline("alerts")]
    assert pipelines_with(pipelines, ()) == pipelines


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("log_abnormal.count", "expected --set NAME=VALUE"),
        ("=5", "expected --set NAME=VALUE"),
        ("log_abnormal.count=", "expected --set NAME=VALUE"),
        ("log_abnorml.count=5", "expected one of customer_unhappy, device_alarm, failure_forecast, job, log_abnormal"),
        ("log_abnormal.cont=5", "did you mean 'log_abnormal.count'?"),
        ("log_abnormal.count=many", "expected a whole number, got 'many'"),
        ("log_abnormal.count=0", "expected a count of 1 or more"),
        ("log_abnormal.severity=awful", "expected a severity of"),
        ("log_abnormal=on", "expected `off`"),
        ("log_abnormal.abnormal.score=high", "expected a number, got 'high'"),
    ],
)
def test_refuses_what_it_cannot_set(text: str, sentence: str) -> None:
    with pytest.raises(BadInput) as refused:
        changed(text)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("text", ["job.tick_s=1", "job.lateness_s=-1", "job.lateness_s=nan"])
def test_refuses_what_is_no_time_rule(text: str) -> None:
    with pytest.raises(BadInput):
        job_with(JobSettings(), read_thresholds([text]))


def test_an_operator_without_settings_says_so() -> None:
    pipelines: list[Pipeline] = [shipped_pipeline("telemetry")]
    with pytest.raises(BadInput, match=r"detect_anomalies\.alarm_probability"):
        pipelines_with(pipelines, read_thresholds(["detect_anomalies.patience=3"]))
