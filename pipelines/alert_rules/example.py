"""An example of what raises an alert: rows made up from a rule's conditions, and the alert that they really raise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
import pyarrow as pa

from operators.alert_rule import AlertRule, Source
from operators.condition import Condition, type_of_path
from operators.raise_alerts import RaiseAlerts
from pipelines.alert_rules.known_labels import TOPIC_OF, Labels, known_labels

START: Final = datetime(2026, 3, 1, 8, tzinfo=UTC)
DEVICE: Final = "d-17"
_FAR_US: Final = 20 * 365 * 86_400_000_000
_A_LITTLE: Final = 0.05
Row = dict[str, Any]
_READING: Final = {"metric": "queue_length", "value": 9.1}
_ODD_READING: Final = "hubbub.odd_reading"
# What a reader sees of a row whose rule asks about something else.
_ORDINARY: Final[Mapping[Source, Row]] = {
    "log": {"message": "link down on port 4"},
    "message": {"text": "It does not work again"},
    "alarm": {"code": "E-21", "text": "High discharge pressure"},
    "telemetry": {"metric": "box_temp", "value": 9.1},
    "forecast": {"hubbub": {"forecast": {"score": 0.61, "words": ["4 errors in 30 min"]}}},
    "silence": {"template_id": "5eff7f49f51fcea943a16d7b5933bef4", "template": "heartbeat <*> sent"},
}


@dataclass(frozen=True)
class Example:
    """Events as a person would see them, and the revision with which the alert fires."""

    events: tuple[Row, ...]
    alert: Row

    @property
    def event(self) -> Row:
        """The alert as its topic has it."""
        row = {name: value for name, value in self.alert.items() if not name.startswith("_")}
        row |= {name: dict(row[name] or ()) for name in ("labels", "annotations")}
        event: Row = orjson.loads(orjson.dumps(row, option=orjson.OPT_UTC_Z))
        return event


def example_of(rule: AlertRule, heads: Labels) -> Example | None:
    """Return an example; None where no rows were found that fulfil the conditions (a pattern is hard to make up)."""
    groups: Sequence[Sequence[Condition]] = rule.together or ((),)
    number = max(rule.count, len(groups))
    apart_s = min(60.0, rule.within_s / (2 * number))
    rows = [
        _row(rule, (*rule.where, *rule.when, *groups[i % len(groups)]), heads, START + timedelta(seconds=i * apart_s))
        for i in range(number)
    ]
    schema = TOPIC_OF[rule.source].row_schema
    batch = pa.RecordBatch.from_pylist([_enveloped(rule, i, row) for i, row in enumerate(rows)], schema=schema)
    operator = RaiseAlerts((rule,))
    nothing = pa.RecordBatch.from_arrays(
        [pa.nulls(1, field.type) for field in operator.state_schema], schema=operator.state_schema
    )
    states, made = operator.process(nothing, batch)
    until_us = round(START.timestamp() * 1e6) + _FAR_US
    revisions = made.to_pylist()
    while True:
        if fired := [row for row in revisions if row["state"] == "firing"]:
            return Example(tuple(_shown(row) for row in rows), fired[0])
        deadline = states.column("deadline")[0]
        if not deadline.is_valid or deadline.value > until_us:
            return None
        states, made = operator.fire(pa.array([DEVICE]), states, deadline.value)
        revisions = made.to_pylist()


def _row(rule: AlertRule, conditions: Sequence[Condition], heads: Labels, at: datetime) -> Row:
    schema = TOPIC_OF[rule.source].row_schema
    row: Row = {"device_id": DEVICE, "event_time": at, **deepcopy(_ORDINARY[rule.source])}
    if rule.answer == _ODD_READING:
        _put(row, _ODD_READING, dict(_READING))
    named = [path for _, path in rule.labels] + ([rule.category] if rule.category else [])
    shown = {*_ORDINARY[rule.source], *(f"{_ODD_READING}.{name}" for name in _READING if rule.answer == _ODD_READING)}
    for path in (path for path in named if path not in shown):
        labels = known_labels(path, schema, heads)
        _put(row, path, labels[0] if labels else path.rpartition(".")[2])
    for column in dict.fromkeys(condition.column for condition in conditions):
        about = [condition for condition in conditions if condition.column == column]
        labels = known_labels(column, schema, heads)
        value = next(_values(about, type_of_path(schema, column), labels), None)
        if value is not None:
            _put(row, column, value)
    return row


def _values(conditions: Sequence[Condition], type_: pa.DataType, labels: Sequence[str]) -> Iterator[object]:
    """Give values that fulfil all of these conditions on one column."""
    if pa.types.is_boolean(type_):
        candidates: list[object] = [True, False]
    elif pa.types.is_string(type_):
        candidates = [text for one in conditions for text in one.texts]
        candidates += [one.value for one in conditions if one.comparison in ("contains", "matches")]
        candidates += [*labels, "something"]
    else:
        ends = [end for one in conditions for end in _ends(one)]
        candidates = [float(end) + step for step in (_A_LITTLE, -_A_LITTLE, 1.0, -1.0, 0.0) for end in ends]
        candidates += [(low + high) / 2 for low in ends for high in ends]
        if pa.types.is_integer(type_):
            candidates = [round(one) for one in candidates if isinstance(one, float)]
    schema = pa.schema([pa.field("x", type_)])
    for candidate in candidates:
        batch = pa.RecordBatch.from_pylist([{"x": candidate}], schema=schema)
        asked = (Condition("x", one.comparison, one.value) for one in conditions)
        if all(one.mask(batch)[0].as_py() for one in asked):
            yield round(candidate, 6) if isinstance(candidate, float) else candidate


def _ends(condition: Condition) -> list[float]:
    value = condition.value
    if isinstance(value, tuple):
        return [float(end) for end in value if not isinstance(end, str)]
    return [float(value)] if isinstance(value, int | float) else []


def _put(row: Row, path: str, value: object) -> None:
    *parents, name = path.split(".")
    for parent in parents:
        row = row.setdefault(parent, {})
    row[name] = value


def _enveloped(rule: AlertRule, number: int, row: Row) -> Row:
    topic = TOPIC_OF[rule.source].name
    place = {"topic": topic.removesuffix(".enriched"), "partition": 0, "offset": number}
    event_id = f"{number:032x}"
    envelope = {"event_id": event_id, "received_at": row["event_time"], "origin": place | {"topic": topic}}
    hubbub = {"input": {"event_id": event_id} | place, **row.get("hubbub", {})}
    return {**row, **envelope, "hubbub": hubbub, "late": False}


def _shown(row: Row) -> Row:
    return {**row, "event_time": row["event_time"].isoformat(timespec="seconds").replace("+00:00", "Z")}
