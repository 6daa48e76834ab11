"""Conditions as they stand in a rule file: a table from columns to what they are compared with.

hubbub.urgency.label = ["critical", "high"]     one of these
urgency.score = { at_least = 0.5 }              `hubbub.` may be left out
metric = "box_temp"                             this
hubbub.anomaly.is_anomaly = true
value = { above = -12, below = 60 }             both
message = { contains = "out of memory" }
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import pyarrow as pa

from operators.condition import Comparison, Condition, Value, type_of_path
from pipelines.alert_rules.rule_values import Place, WrongValue, check_names, table_at
from schemas.topic import ENVELOPE, PROGRESS

_COMPARISONS: Final[dict[str, Comparison]] = {
    "is": "==",
    "not": "!=",
    "above": ">",
    "at_least": ">=",
    "below": "<",
    "at_most": "<=",
    "between": "between",
    "outside": "outside",
    "contains": "contains",
    "matches": "matches",
    "==": "==",
    "!=": "!=",
    ">": ">",
    ">=": ">=",
    "<": "<",
    "<=": "<=",
}
_WORDS: Final = tuple(word for word in _COMPARISONS if word[0].isalpha())


def conditions_at(place: Place, value: object, schema: pa.Schema) -> tuple[Condition, ...]:
    """Return the conditions of a table on the columns of `schema`; WrongValue says what is wrong where."""
    found = []
    for path, asked in _flat(table_at(place, value), ""):
        at = place.at(path)
        column = column_at_place(at, path, schema)
        for comparison, operand in _compared(at, asked):
            try:
                condition = Condition(column, comparison, operand)
                condition.check(schema)
            except ValueError as error:
                raise WrongValue(f"{at}: {_without_place(str(error))}") from error
            found.append(condition)
    if not found:
        raise place.wrong("at least one condition", value)
    return tuple(found)


def column_at_place(place: Place, path: str, schema: pa.Schema) -> str:
    """Return the path of a column, with `hubbub.` before it where it was left out."""
    names = list(schema.names)
    first = path.partition(".")[0]
    if first not in names and "hubbub" in names:
        answers = [field.name for field in schema.field("hubbub").type]
        if first in answers:
            path = f"hubbub.{path}"
        else:
            check_names(place, [first], [*_of_people(names), *answers], "column")
    try:
        type_of_path(schema, path)
    except ValueError as error:
        raise WrongValue(f"{place}: {error}") from error
    return path


def _of_people(names: list[str]) -> list[str]:
    """Leave out the columns that are hubbub's bookkeeping."""
    inner = {"hubbub", *(field.name for field in (*ENVELOPE, *PROGRESS))}
    return [name for name in names if name not in inner]


def _flat(table: Mapping[str, object], before: str) -> Iterator[tuple[str, object]]:
    """Give (path, what is asked): TOML makes tables of dotted names."""
    for name, value in table.items():
        path = f"{before}{name}"
        if isinstance(value, dict) and value and not set(value) & set(_COMPARISONS):
            yield from _flat(value, f"{path}.")
        else:
            yield path, value


def _compared(place: Place, asked: object) -> Iterator[tuple[Comparison, Value]]:
    if not isinstance(asked, dict):
        yield _equal(place, asked, is_not=False)
        return
    check_names(place, asked, _COMPARISONS, "comparison")
    if not asked:
        raise place.wrong(f"a comparison of {', '.join(_WORDS)}", asked)
    for word, operand in asked.items():
        comparison = _COMPARISONS[word]
        at = place.at(word)
        if comparison in ("==", "!="):
            yield _equal(at, operand, is_not=comparison == "!=")
        elif comparison in ("between", "outside"):
            if not isinstance(operand, list) or len(operand) != 2:
                raise at.wrong("two numbers, the lower one first", operand)
            yield comparison, tuple(operand)
        elif isinstance(operand, str | int | float) and not isinstance(operand, bool):
            yield comparison, operand
        else:
            raise at.wrong("a text" if comparison in ("contains", "matches") else "a number", operand)


def _equal(place: Place, operand: object, *, is_not: bool) -> tuple[Comparison, Value]:
    if isinstance(operand, bool):
        return ("is true" if operand is not is_not else "is false"), None
    if isinstance(operand, str):
        return ("!=" if is_not else "=="), operand
    if isinstance(operand, list) and operand and all(isinstance(one, str) for one in operand):
        return ("not in" if is_not else "in"), tuple(operand)
    raise place.wrong("a text, a list of texts, true or false, or a table such as { at_least = 0.8 }", operand)


def _without_place(sentence: str) -> str:
    """Leave out what an error of Condition says about its place: the file's is said already."""
    if sentence.startswith("condition "):
        return sentence.partition(": ")[2]
    return sentence
