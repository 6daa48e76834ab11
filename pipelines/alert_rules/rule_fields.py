"""The fields of one rule in a rule file, and the rule that they make."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

import pyarrow as pa

from operators.alert_rule import ALERT_SEVERITIES, AlertRule, Flapping, SeverityFrom, Source
from pipelines.alert_rules.known_labels import TOPIC_OF
from pipelines.alert_rules.rule_conditions import column_at_place, conditions_at
from pipelines.alert_rules.rule_values import (
    Place,
    WrongValue,
    check_names,
    list_at,
    seconds_at,
    table_at,
    text_at,
    texts_at,
    whole_number_at,
)

OTHERWISE: Final = "otherwise"
_SOURCES: Final[tuple[str, ...]] = get_args(Source)
_WEEK_S: Final = 7 * 86_400.0
Fields = dict[str, Any]


def rule_of(place: Place, name: str, given: Mapping[str, object], base: AlertRule | None) -> AlertRule:
    """Return the rule that these fields make, on top of the default rule `base` if there is one.

    WrongValue says what is wrong where.
    """
    source = _source(place, given, base)
    schema = TOPIC_OF[source].row_schema
    fields: Fields = {"name": name, "source": source}
    for field, value in given.items():
        if field in _READERS:
            fields |= _READERS[field](place.at(field), value, schema)
    if "runbook_url" in given or "annotations" in given:
        fields["annotations"] = _annotations(place, given, base)
    try:
        rule = dataclasses.replace(base, **fields) if base is not None else AlertRule(**_with_defaults(place, fields))
        rule.check(schema)
    except WrongValue:
        raise
    except ValueError as error:
        raise WrongValue(f"{str(place).rstrip(': ')}: {str(error).removeprefix(f'alert rule {name!r}: ')}") from error
    return rule


def _source(place: Place, given: Mapping[str, object], base: AlertRule | None) -> Source:
    value = given.get("source", base.source if base is not None else None)
    for source in TOPIC_OF:
        if source == value:
            return source
    raise place.at("source").wrong(f"one of {', '.join(_SOURCES)}", value)


def _with_defaults(place: Place, fields: Fields) -> Fields:
    """Fill in what a rule of one's own may leave out."""
    if not {"when", "together", "absent_s"} & set(fields):
        raise place.at("when").wrong("conditions here, in `together`, or a time in `absent`", None)
    fields.setdefault("when", ())
    fields.setdefault("severity", "warning")
    fields.setdefault("summary", _summary(fields))
    if "absent_s" in fields:
        fields.setdefault("resolve_after_s", _WEEK_S)
    return fields


def _summary(fields: Fields) -> str:
    about = fields["name"].replace("_", " ")
    if "absent_s" in fields:
        return f"{{device_id}}: {about}, nothing since {{since}}"
    if fields["source"] == "telemetry":
        return f"{{device_id}}: {about}, {{metric}} is {{value}} ({{counted}} since {{since}})"
    return f'{{device_id}}: {about}, {{counted}} since {{since}}, the last: "{{text}}"'


def _conditions(field: str) -> Callable[[Place, object, pa.Schema], Fields]:
    return lambda place, value, schema: {field: conditions_at(place, value, schema)}


def _seconds(field: str) -> Callable[[Place, object, pa.Schema], Fields]:
    return lambda place, value, schema: {field: seconds_at(place, value)}


def _text(field: str) -> Callable[[Place, object, pa.Schema], Fields]:
    return lambda place, value, schema: {field: text_at(place, value)}


def _path(field: str) -> Callable[[Place, object, pa.Schema], Fields]:
    return lambda place, value, schema: {field: column_at_place(place, text_at(place, value), schema)}


def _together(place: Place, value: object, schema: pa.Schema) -> Fields:
    groups = list_at(place, value)
    return {"together": tuple(conditions_at(place.at(str(i)), group, schema) for i, group in enumerate(groups, 1))}


def _clears(place: Place, value: object, schema: pa.Schema) -> Fields:
    if value == OTHERWISE:
        return {"clears": (), "clears_otherwise": True}
    if isinstance(value, str):
        raise place.wrong(f'conditions, or "{OTHERWISE}"', value)
    return {"clears": conditions_at(place, value, schema), "clears_otherwise": False}


def _severity(place: Place, value: object, schema: pa.Schema) -> Fields:
    if isinstance(value, str):
        if value not in ALERT_SEVERITIES:
            raise place.wrong(f"a severity of {', '.join(ALERT_SEVERITIES)}", value)
        return {"severity": value}
    if not isinstance(value, dict):
        raise place.wrong(f"a severity of {', '.join(ALERT_SEVERITIES)}, or a table with `from`", value)
    check_names(place, value, ("from", "otherwise", "map"), "key")
    named = value.get("from")
    at = place.at("from")
    columns = [text_at(at, named)] if isinstance(named, str) else [text_at(at, one) for one in list_at(at, named)]
    mapping = texts_at(place.at("map"), value.get("map", {}))
    for given in (value.get("otherwise", "warning"), *mapping.values()):
        if given not in ALERT_SEVERITIES:
            raise place.wrong(f"a severity of {', '.join(ALERT_SEVERITIES)}", given)
    columns = [column_at_place(at, column, schema) for column in columns]
    return {"severity": SeverityFrom(tuple(columns), value.get("otherwise", "warning"), tuple(mapping.items()))}


def _by(place: Place, value: object, schema: pa.Schema) -> Fields:
    """Read identity labels: a list of columns, each label named by its column; or a table from label to column."""
    if isinstance(value, dict):
        return {
            "labels": tuple(
                (name, column_at_place(place.at(name), path, schema)) for name, path in texts_at(place, value).items()
            )
        }
    paths = [text_at(place, one) for one in list_at(place, value)]
    return {"labels": tuple((_label_name(path), column_at_place(place, path, schema)) for path in paths)}


def _label_name(path: str) -> str:
    *before, last = path.split(".")
    return before[-1] if last == "label" and before else last


def _flapping(place: Place, value: object, schema: pa.Schema) -> Fields:
    if value is False:
        return {"flapping": None}
    table = table_at(place, value)
    check_names(place, table, ("count", "within"), "key")
    count = whole_number_at(place.at("count"), table.get("count"))
    try:
        return {"flapping": Flapping(count, seconds_at(place.at("within"), table.get("within")))}
    except WrongValue:
        raise
    except ValueError as error:
        raise WrongValue(f"{place}: {str(error).removeprefix('flapping: ')}") from error


def _annotations(place: Place, given: Mapping[str, object], base: AlertRule | None) -> tuple[tuple[str, str], ...]:
    found = dict(base.annotations) if base is not None else {}
    found |= texts_at(place.at("annotations"), given.get("annotations", {}))
    if "runbook_url" in given:
        found["runbook_url"] = text_at(place.at("runbook_url"), given["runbook_url"])
    for title, text in found.items():
        if title.endswith("_url") and not text.startswith(("https://", "http://")):
            raise place.at(title).wrong("an address that begins with https:// or http://", text)
    return tuple(found.items())


_READERS: Final[dict[str, Callable[[Place, object, pa.Schema], Fields]]] = {
    "where": _conditions("where"),
    "when": _conditions("when"),
    "together": _together,
    "absent": _seconds("absent_s"),
    "count": lambda place, value, schema: {"count": whole_number_at(place, value)},
    "within": _seconds("within_s"),
    "for": _seconds("for_s"),
    "keep_firing_for": _seconds("keep_firing_for_s"),
    "resolve_after": _seconds("resolve_after_s"),
    "clears": _clears,
    "flapping": _flapping,
    "severity": _severity,
    "by": _by,
    "labels": lambda place, value, schema: {"fixed_labels": tuple(texts_at(place, value).items())},
    "category": _path("category"),
    "answer": _path("answer"),
    "summary": _text("summary"),
    "description": _text("description"),
}
FIELDS: Final = ("enabled", "source", *_READERS, "runbook_url", "annotations")
