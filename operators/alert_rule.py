"""Alert rules: values that say which rows are a reason for an alert, how bad it is, and when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, get_args

import pyarrow as pa
import re2

from operators.alert_rule_words import in_words
from operators.condition import Condition, type_of_path
from operators.contradiction import contradiction
from operators.summary_template import SummaryTemplate
from schemas.severity import SEVERITIES

Source = Literal["log", "message", "alarm", "telemetry", "forecast", "silence"]

ALERT_SEVERITIES: Final = SEVERITIES[:-1]
"""What an alert can be: every X.733 severity but `cleared`, which is how one ends."""

# Fields that a summary may name, beside the rule's own labels: those of the alert, of which `counted` is "3 readings"
# and `since` when it opened (UTC); those of its latest evidence; and `judgement`, what is odd about a reading: "outside
# -21 ... -17.2".
_OF_ALERT: Final = ("device_id", "rule", "severity", "category", "count", "counted", "since")
_OF_EVENT: Final = ("text", "words", "template", "label", "score", "metric", "value", "expected_low", "expected_high")
SUMMARY_FIELDS: Final = frozenset((*_OF_ALERT, *_OF_EVENT, "judgement"))
MOST_TOGETHER: Final = 8
# So many times are remembered of an alert that has not fired.
MOST_COUNT: Final = 1000
MOST_SECONDS: Final = 10 * 365 * 86_400.0
_NAME = re2.compile(r"[a-z][a-z0-9_]{0,99}")
_ANSWER: Final = {
    "log": "hubbub.abnormal",
    "message": "hubbub.urgency",
    "alarm": "hubbub.category",
    "telemetry": "hubbub.anomaly",
    "forecast": "hubbub.forecast",
    "silence": "hubbub.silence",
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
class Flapping:
    """Damping: one that opened `count` times within `within_s` and opens again, stays until it was quiet so long."""

    count: int
    within_s: float

    def __post_init__(self) -> None:
        """Refuse a damping that would damp everything, or remember without bound."""
        if not 1 <= self.count <= 100:
            raise ValueError(f"flapping: expected a count of 1 to 100, got {self.count}")
        _check_seconds("flapping", "within_s", self.within_s)

    @cached_property
    def within_us(self) -> int:
        """`within_s` in microseconds."""
        return round(self.within_s * 1_000_000)


@dataclass(frozen=True)
class AlertRule:
    """What raises an alert, and what ends it.

    It is about the rows of `source` that fulfil all of `where` (all rows, when that is empty). Of these, a row that
    fulfils all of `when` is a match; with `together`, a row that fulfils `when` and at least one of these groups; with
    `absent_s`, every row is a sign of life. Matches of one device with the same `labels` (pairs of name and column;
    they join the fingerprint beside the rule and the device) belong to one alert.

    It is pending until its condition is met, and has then lasted `for_s` seconds since its first match without an end;
    then it fires. The condition is met by `count` matches within `within_s` seconds (less than that from the first to
    the last); with `together`, by matches of every group within `within_s`.
    It ends when a row with the same labels fulfils any of `clears`, or with `clears_otherwise` is no match though it
    has all that `when` asks about; one that fires only after `keep_firing_for_s` seconds without another match. Or it
    ends by quiet: when `resolve_after_s` seconds have passed since the last match; before its condition is met after
    `within_s` already, for then no match to come can meet it. A row that both raises and clears clears.
    `absent_s` is the opposite: the alert fires when so many seconds have passed since the last sign of life, and the
    next one clears it; `resolve_after_s` seconds after firing it is given up by quiet.

    `category` is the column of the alert's category; `answer` the column of the answer that is shown as evidence (its
    words, label, score and model; by default the source's main one); `summary` a SummaryTemplate's text with the fields
    SUMMARY_FIELDS and the labels; `description` says in a sentence for people what the rule is about. `fixed_labels`
    (team and the like) and `annotations` (templates such as the summary, or a runbook_url) are written on its alerts.
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
    where: tuple[Condition, ...] = ()
    together: tuple[tuple[Condition, ...], ...] = ()
    absent_s: float | None = None
    for_s: float = 0.0
    keep_firing_for_s: float = 0.0
    clears_otherwise: bool = False
    flapping: Flapping | None = None
    fixed_labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        """Refuse a rule that could never work, with one sentence that says why."""
        where = f"alert rule {self.name!r}"
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{where}: expected a name of lower-case letters, digits and _, at most 100")
        if self.source not in get_args(Source):
            raise ValueError(f"{where}: expected a source of {', '.join(get_args(Source))}, got {self.source!r}")
        if isinstance(self.severity, str):
            _check_severity(self.severity, where)
        self._check_conditions(where)
        self._check_times(where)
        self._check_texts(where)

    def _check_conditions(self, where: str) -> None:
        if self.absent_s is not None:
            if self.when or self.together or self.clears or self.clears_otherwise or self.count != 1:
                ends = "a sign of life ends it; `where` says which rows are one"
                raise ValueError(f"{where}: `absent` goes without when, together, clears and count: {ends}")
        elif not self.when and not self.together:
            raise ValueError(f"{where}: expected at least one condition in `when`; every row would raise it")
        if not 1 <= self.count <= MOST_COUNT:
            raise ValueError(f"{where}: expected a count of 1 or more, at most {MOST_COUNT:,}, got {self.count}")
        if self.together and (not 2 <= len(self.together) <= MOST_TOGETHER or not all(self.together)):
            raise ValueError(f"{where}: expected 2 to {MOST_TOGETHER} groups of conditions in `together`")
        if self.together and self.count != 1:
            raise ValueError(f"{where}: expected either `together` or a count, got both")
        if self.clears and self.clears_otherwise:
            raise ValueError(f"{where}: expected either conditions in `clears` or the rest of the rows, got both")
        if self.clears_otherwise and (not self.when or self.together):
            raise ValueError(f"{where}: `clears` by the rest of the rows needs conditions in `when`, and no `together`")
        for group in self.together or ((),):
            if (why := contradiction((*self.where, *self.when, *group))) is not None:
                raise ValueError(f"{where}: {why}")
        for condition in self.clears:
            if (why := contradiction((*self.where, condition))) is not None:
                raise ValueError(f"{where}: clears: {why}")

    def _check_times(self, where: str) -> None:
        for name, seconds in (("within_s", self.within_s), ("resolve_after_s", self.resolve_after_s)):
            _check_seconds(where, name, seconds)
        if self.absent_s is not None:
            _check_seconds(where, "absent_s", self.absent_s)
        for name, seconds in (("for_s", self.for_s), ("keep_firing_for_s", self.keep_firing_for_s)):
            if seconds != 0:
                _check_seconds(where, name, seconds)
        if self.absent_s is not None and self.for_s:
            raise ValueError(f"{where}: expected either absent_s or for_s, got both: absence has its time already")

    def _check_texts(self, where: str) -> None:
        names = [name for name, _ in (*self.labels, *self.fixed_labels)]
        if len(set(names)) != len(names) or not all(_NAME.fullmatch(name) for name in names):
            raise ValueError(f"{where}: expected labels with plain names of their own, got {names}")
        taken = sorted(({"device_id", "alertname"} | SUMMARY_FIELDS) & set(names) - {"category", "metric", "template"})
        if taken:
            raise ValueError(f"{where}: label names {taken} mean something else already")
        known = SUMMARY_FIELDS | {name for name, _ in self.labels}
        for title, text in (("summary", self.summary), *self.annotations):
            if not _NAME.fullmatch(title):
                raise ValueError(f"{where}: expected annotations with plain names, got {title!r}")
            unknown = sorted(set(SummaryTemplate(text).fields) - known)
            if unknown:
                raise ValueError(f"{where}: the {title} names {unknown}; it may name {', '.join(sorted(known))}")

    @cached_property
    def within_us(self) -> int:
        """`within_s` in microseconds."""
        return round(self.within_s * 1_000_000)

    @cached_property
    def resolve_after_us(self) -> int:
        """`resolve_after_s` in microseconds."""
        return round(self.resolve_after_s * 1_000_000)

    @cached_property
    def waits_us(self) -> int:
        """How long an alert must last before it fires: `for_s` or `absent_s` in microseconds."""
        return round((self.for_s if self.absent_s is None else self.absent_s) * 1_000_000)

    @cached_property
    def keep_firing_for_us(self) -> int:
        """`keep_firing_for_s` in microseconds."""
        return round(self.keep_firing_for_s * 1_000_000)

    @cached_property
    def only_matches_inside(self) -> bool:
        """Whether, once it fires, nothing but matches can lie inside an alert, and no time is waited for."""
        waits = self.for_s or self.keep_firing_for_s or self.absent_s is not None
        return not (waits or self.together or self.flapping)

    @property
    def answer_column(self) -> str:
        """The column of the answer that is shown as evidence."""
        return self.answer or _ANSWER[self.source]

    @property
    def conditions(self) -> Iterator[Condition]:
        """All its conditions, wherever they stand."""
        yield from (*self.where, *self.when, *self.clears, *(one for group in self.together for one in group))

    def check(self, schema: pa.Schema) -> None:
        """Raise ValueError when the rows of the source do not have what the rule reads."""
        try:
            for condition in self.conditions:
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
        return f"{self.name}: {in_words(self)}"


def _check_severity(severity: str, where: str = "severity") -> None:
    if severity not in ALERT_SEVERITIES:
        raise ValueError(f"{where}: expected a severity of {', '.join(ALERT_SEVERITIES)}, got {severity!r}")


def _check_seconds(where: str, name: str, seconds: float) -> None:
    if not 1e-6 <= seconds <= MOST_SECONDS:
        raise ValueError(f"{where}: expected {name} of more than 0 and at most ten years, got {seconds}")
