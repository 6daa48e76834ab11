"""Thresholds of a candidate: `--set NAME=VALUE`, where NAME is something that a rule, an operator or the job goes by.

log_abnormal.count=5                      a field of an alert rule: count, within_s, resolve_after_s, for_s,
                                          keep_firing_for_s, absent_s (of a rule of absence), severity
log_abnormal.abnormal.score=0.9           what one of its conditions compares a column with (without `hubbub.`)
log_novel=off                             the rule does not exist
detect_anomalies.alarm_probability=1e-6   a field of an operator
job.lateness_s=60                         a rule of time: lateness_s or max_ahead_s
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from operators.alert_rule import AlertRule
from operators.condition import Condition
from operators.operator import KeyedOperator, Operator
from operators.raise_alerts import RaiseAlerts
from pipelines.bad_input import BadInput
from pipelines.engines.job_settings import JobSettings
from pipelines.pipeline import Pipeline

AnyOperator = Operator | KeyedOperator
Value = TypeVar("Value")

OFF: Final = "off"
JOB: Final = "job"
_TIME_RULES: Final = ("lateness_s", "max_ahead_s")
_RULE_FIELDS: Final = ("count", "within_s", "resolve_after_s", "for_s", "keep_firing_for_s", "absent_s", "severity")
# What tells engines and states apart is no threshold.
_NOT_TO_SET: Final = frozenset({"name", "version", "key", "emits"})


@dataclass(frozen=True, slots=True)
class Threshold:
    """One NAME=VALUE: `owner` is a rule, an operator or `job`; `field` is empty where the owner itself is meant."""

    owner: str
    field: str
    value: str

    def __str__(self) -> str:
        return f"{self.owner}{'.' if self.field else ''}{self.field} = {self.value}"


def read_thresholds(texts: Sequence[str]) -> tuple[Threshold, ...]:
    """Read the texts of `--set`; BadInput for one that is no NAME=VALUE.

    >>> print(*read_thresholds(["log_abnormal.count=5"]))
    log_abnormal.count = 5
    """
    found = []
    for text in texts:
        name, equals, value = text.partition("=")
        owner, _, field = name.strip().partition(".")
        if not equals or not owner or not value.strip():
            raise BadInput(f"expected --set NAME=VALUE, as in --set log_abnormal.count=5, got {text!r}")
        found.append(Threshold(owner, field, value.strip()))
    return tuple(found)


def job_with(settings: JobSettings, thresholds: Iterable[Threshold]) -> JobSettings:
    """Return the job's settings with the time rules that are set."""
    for one in thresholds:
        if one.owner == JOB:
            if one.field not in _TIME_RULES:
                raise BadInput(_unknown(one, [f"{JOB}.{name}" for name in _TIME_RULES]))
            settings = _replaced(settings, one, one.field, _seconds(one))
    return settings


def pipelines_with(pipelines: Sequence[Pipeline], thresholds: Sequence[Threshold]) -> list[Pipeline]:
    """Return the pipelines with what is set in their rules and operators; BadInput for a name that nothing goes by."""
    found = list(pipelines)
    for one in thresholds:
        if one.owner == JOB:
            continue
        changed = [_pipeline_with(pipeline, one) for pipeline in found]
        if all(new is old for new, old in zip(changed, found, strict=True)):
            raise BadInput(_unknown(one, sorted(_owners(pipelines))))
        found = changed
    return found


def _pipeline_with(pipeline: Pipeline, one: Threshold) -> Pipeline:
    operators = [_operator_with(operator, one) for operator in pipeline.operators]
    if all(new is old for new, old in zip(operators, pipeline.operators, strict=True)):
        return pipeline
    return Pipeline(
        pipeline.name,
        pipeline.sources,
        operators,
        pipeline.sinks,
        merge=pipeline.merge,
        upstream=pipeline.upstream,
        tables=pipeline.tables,
    )


def _operator_with(operator: AnyOperator, one: Threshold) -> AnyOperator:
    if isinstance(operator, RaiseAlerts) and one.owner in {rule.name for rule in operator.rules}:
        rules = (_rule_with(rule, one) if rule.name == one.owner else rule for rule in operator.rules)
        return dataclasses.replace(operator, rules=tuple(rule for rule in rules if rule is not None))
    if operator.name == one.owner and dataclasses.is_dataclass(operator):
        fields = _settable(operator)
        if one.field not in fields:
            raise BadInput(_unknown(one, [f"{one.owner}.{name}" for name in fields]))
        return _replaced(operator, one, one.field, _typed(one, getattr(operator, one.field)))
    return operator


def _rule_with(rule: AlertRule, one: Threshold) -> AlertRule | None:
    if not one.field:
        if one.value == OFF:
            return None
        raise BadInput(f"--set {one.owner}: expected `{OFF}`, or {one.owner}.FIELD=VALUE, got {one.value!r}")
    fields = [field for field in _RULE_FIELDS if getattr(rule, field) is not None]
    if one.field in fields:
        old = getattr(rule, one.field)
        return _replaced(rule, one, one.field, _typed(one, old if isinstance(old, int | float) else ""))
    places = [place for place, condition in enumerate(rule.when) if _goes_by(condition, one.field)]
    if not places:
        columns = [condition.column.removeprefix("hubbub.") for condition in rule.when if condition.value is not None]
        raise BadInput(_unknown(one, [f"{rule.name}.{name}" for name in (*fields, *columns)]))
    if len(places) > 1:
        said = " and ".join(str(rule.when[place]) for place in places)
        raise BadInput(f"--set {one.owner}.{one.field}: the rule compares this column more than once: {said}")
    old = rule.when[places[0]]
    value = _several(one, old.value) if isinstance(old.value, tuple) else _typed(one, old.value)
    when = tuple(
        _replaced(condition, one, "value", value) if place == places[0] else condition
        for place, condition in enumerate(rule.when)
    )
    return _replaced(rule, one, "when", when)


def _goes_by(condition: Condition, field: str) -> bool:
    return condition.value is not None and condition.column.removeprefix("hubbub.") == field.removeprefix("hubbub.")


def _replaced(old: Value, one: Threshold, field: str, value: object) -> Value:
    try:
        return dataclasses.replace(old, **{field: value})  # type: ignore[type-var] # callers pass dataclasses
    except ValueError as error:
        raise BadInput(f"--set {one.owner}.{one.field}={one.value}: {error}") from error


def _typed(one: Threshold, like: object) -> object:
    """Return the value as what stood there before: a number for a number, a text for a text."""
    expected = "a whole number" if isinstance(like, int) else "a number"
    try:
        if isinstance(like, bool):
            expected = "true or false"
            return {"true": True, "false": False}[one.value.lower()]
        return type(like)(one.value) if isinstance(like, int | float) else one.value
    except (ValueError, KeyError):
        raise BadInput(f"--set {one.owner}.{one.field}: expected {expected}, got {one.value!r}") from None


def _several(one: Threshold, like: tuple[object, ...]) -> tuple[object, ...]:
    """Return what stands between commas: texts where texts stood before, else the numbers of a range."""
    pieces = one.value.split(",")
    if isinstance(like[0], str):
        return tuple(pieces)
    return tuple(_typed(Threshold(one.owner, one.field, piece), 0.0) for piece in pieces)


def _seconds(one: Threshold) -> object:
    seconds = _typed(one, 0.0)
    if not isinstance(seconds, float) or not 0 <= seconds < float("inf"):
        raise BadInput(f"--set {one.owner}.{one.field}: expected seconds, 0 or more, got {one.value!r}")
    return seconds


def _settable(operator: AnyOperator) -> list[str]:
    return [
        field.name
        for field in dataclasses.fields(operator)  # type: ignore[arg-type] # callers pass dataclasses
        if field.name not in _NOT_TO_SET and isinstance(getattr(operator, field.name), bool | int | float | str)
    ]


def _owners(pipelines: Sequence[Pipeline]) -> set[str]:
    owners = {JOB}
    for operator in (operator for pipeline in pipelines for operator in pipeline.operators):
        if isinstance(operator, RaiseAlerts):
            owners |= {rule.name for rule in operator.rules}
        elif dataclasses.is_dataclass(operator) and _settable(operator):
            owners.add(operator.name)
    return owners


def _unknown(one: Threshold, known: Sequence[str]) -> str:
    said = f"{one.owner}.{one.field}" if one.field else one.owner
    near = difflib.get_close_matches(said, known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"--set: expected one of {', '.join(known) or 'nothing: it has no number or text'}, got {said!r}{hint}"
