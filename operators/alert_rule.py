"""Alert rules: values that say which rows are a reason for an alert, how bad it is, and when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, get_args

import pyarrow as pa
import re2

from operators.condition import Condition, type_of_path
from operators.summary_template import SummaryTemplate
from schemas.severity import SEVERITIES

Source = Literal["log", "message", "alarm", "telemetry"]

ALERT_SEVERITIES: Final = SEVERITIES[:-1]
"""What an alert can be: every X.733 severity but `cleared`, which is how one ends."""

# Fields that a summary may name, beside the rule's own labels: those of the alert, of which `counted` is "3 readings"
# and `since` when it opened (UTC); those of its latest evidence; and `judgement`, what is odd about a reading: "outside
# -21 ... -17.2".
_OF_ALERT: Final = ("device_id", "rule", "severity", "category", "count", "counted", "since")
_OF_EVENT: Final = ("text", "words", "template", "label", "score", "metric", "value", "expected_low", "expected_high")
SUMMARY_FIELDS: Final = frozenset((*_OF_ALERT, *_OF_EVENT, "judgement"))
_NAME = re2.compile(r"[a-z][a-z0-9_]{0,99}")
_ANSWER: Final = {
    "log": "hubbub.abnormal",
    "message": "hubbub.urgency",
    "alarm": "hubbub.category",
    "telemetry": "hubbub.anomaly",
}


@dataclass(frozen=True)
class SeverityFrom:
    """A severity that is read from the row: the first of `columns` whose value `mapping` knows, else `otherwise`.

    A mapping is pairs of (value, severity); empty, it takes each severity for itself (and knows nothing else).
    """

    columns: tuple[str, ...]
    otherwise: str
    mapping: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        """Refuse severities that X.733 does not know, and a choice without columns."""
        if not self.columns:
            raise ValueError("severity: expected at least one column to read it from")
        for severity in (self.otherwise, *(severity for _, severity in self.mapping)):
            _check_severity(severity)

    @property
    def table(self) -> dict[str, str]:
        """The severity of each known value."""
        return dict(self.mapping) or {severity: severity for severity in ALERT_SEVERITIES}


@dataclass(frozen=True)
class AlertRule:
    """What raises an alert, and what ends it.

    A row of `source` that fulfils all of `when` is a match. Matches of one device with the same `labels` (pairs of name
    and column; they join the fingerprint beside the rule and the device) belong to one alert. It is pending until
    `count` matches lie within `within_s` seconds (less than that from the first to the last), then it fires. It ends
    when a row with the same labels fulfils any of `clears`, or by quiet: when `resolve_after_s` seconds have passed
    since the last match; a pending one after `within_s` already, for then no match to come can make it fire.
    A row that fulfils both `when` and `clears` clears.

    `category` is the column of the alert's category; `answer` the column of the answer that is shown as evidence (its
    words, label, score and model; by default the source's main one); `summary` a SummaryTemplate's text with the fields
    SUMMARY_FIELDS and the labels; `description` says in a sentence for people what the rule is about.
    """

    name: str
    source: Source
    when: tuple[Condition, ...]
    severity: str | SeverityFrom
    summary: str
    description: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    count: int = 1
    within_s: float = 600.0
    resolve_after_s: float = 3600.0
    clears: tuple[Condition, ...] = ()
    category: str | None = None
    answer: str | None = None

    def __post_init__(self) -> None:
        """Refuse a rule that could never work, with one sentence that says why."""
        where = f"alert rule {self.name!r}"
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{where}: expected a name of lower-case letters, digits and _, at most 100")
        if self.source not in get_args(Source):
            raise ValueError(f"{where}: expected a source of {', '.join(get_args(Source))}, got {self.source!r}")
        if not self.when:
            raise ValueError(f"{where}: expected at least one condition in `when`; every row would raise it")
        if isinstance(self.severity, str):
            _check_severity(self.severity, where)
        if self.count < 1:
            raise ValueError(f"{where}: expected a count of 1 or more, got {self.count}")
        for name, seconds in (("within_s", self.within_s), ("resolve_after_s", self.resolve_after_s)):
            if not 1e-6 <= seconds <= 10 * 365 * 86_400:
                raise ValueError(f"{where}: expected {name} of more than 0 and at most ten years, got {seconds}")
        names = [name for name, _ in self.labels]
        if len(set(names)) != len(names) or not all(_NAME.fullmatch(name) for name in names):
            raise ValueError(f"{where}: expected labels with plain names of their own, got {names}")
        taken = sorted(({"device_id", "alertname"} | SUMMARY_FIELDS) & set(names) - {"category", "metric", "template"})
        if taken:
            raise ValueError(f"{where}: label names {taken} mean something else already")
        unknown = sorted(set(SummaryTemplate(self.summary).fields) - SUMMARY_FIELDS - set(names))
        if unknown:
            known = ", ".join(sorted(SUMMARY_FIELDS | set(names)))
            raise ValueError(f"{where}: the summary names {unknown}; it may name {known}")

    @cached_property
    def within_us(self) -> int:
        """`within_s` in microseconds."""
        return round(self.within_s * 1_000_000)

    @cached_property
    def resolve_after_us(self) -> int:
        """`resolve_after_s` in microseconds."""
        return round(self.resolve_after_s * 1_000_000)

    @property
    def answer_column(self) -> str:
        """The column of the answer that is shown as evidence."""
        return self.answer or _ANSWER[self.source]

    def check(self, schema: pa.Schema) -> None:
        """Raise ValueError when the rows of the source do not have what the rule reads."""
        try:
            for condition in (*self.when, *self.clears):
                condition.check(schema)
            texts = [path for _, path in self.labels]
            texts += [] if isinstance(self.severity, str) else self.severity.columns
            texts += [self.category] if self.category else []
            for path in texts:
                if not pa.types.is_string(type_of_path(schema, path)):
                    raise ValueError(f"expected a text in {path!r}, got {type_of_path(schema, path)}")
            if not pa.types.is_struct(type_of_path(schema, self.answer_column)):
                raise ValueError(f"expected an answer in {self.answer_column!r}")
        except ValueError as error:
            raise ValueError(f"alert rule {self.name!r}: {error}") from error

    def describe(self) -> str:
        """Say in words when the rule fires and when its alert ends."""
        about = " and ".join(["device_id", *(f"{name} ({path})" for name, path in self.labels)])
        severity = (
            self.severity if isinstance(self.severity, str) else f"read from {' or '.join(self.severity.columns)}"
        )
        fires = "fires at once"
        if self.count > 1:
            fires = f"fires when {self.count} lie within {_span(self.within_s)}"
        ends = f"ends after {_span(self.resolve_after_s)} without another"
        if self.clears:
            ends += f", or when {' or '.join(map(str, self.clears))}"
        return (
            f"{self.name}: a {self.source} row with {' and '.join(map(str, self.when))}; one alert for each {about}; "
            f"{fires}; severity {severity}; {ends}."
        )


def _check_severity(severity: str, where: str = "severity") -> None:
    if severity not in ALERT_SEVERITIES:
        raise ValueError(f"{where}: expected a severity of {', '.join(ALERT_SEVERITIES)}, got {severity!r}")


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:g} s"
