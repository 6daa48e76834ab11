"""Conditions that no row can fulfil together: found before they are waited for in vain."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from operators.condition import Condition

SCORE_COLUMNS = ("score", "novelty")
"""Last names of columns whose values lie in [0, 1]."""


def contradiction(conditions: Sequence[Condition]) -> str | None:
    """Say why no row can fulfil all of these; None where nothing is known against it.

    >>> contradiction([Condition("value", ">", 8), Condition("value", "<", 2)])
    'no row can fulfil both value > 8 and value < 2'
    >>> contradiction([Condition("hubbub.urgency.score", ">=", 1.5)])
    'hubbub.urgency.score >= 1.5 can never be: a score lies between 0 and 1'
    """
    for column in dict.fromkeys(condition.column for condition in conditions):
        about = [condition for condition in conditions if condition.column == column]
        if (why := _of_numbers(column, about) or _of_texts(about)) is not None:
            return why
    return None


def _of_numbers(column: str, conditions: Sequence[Condition]) -> str | None:
    spans = [(one, _span(one)) for one in conditions]
    if column.rpartition(".")[2] in SCORE_COLUMNS and "." in column:
        for one, span in spans:
            if span is not None and _empty(span, (0.0, True, 1.0, True)):
                return f"{one} can never be: a score lies between 0 and 1"
    known = [(one, span) for one, span in spans if span is not None]
    for i, (one, span) in enumerate(known):
        for other, other_span in known[:i]:
            if _empty(span, other_span):
                return f"no row can fulfil both {other} and {one}"
    return None


_Span = tuple[float, bool, float, bool]  # lowest, whether it belongs to it, highest, whether it belongs to it


def _span(condition: Condition) -> _Span | None:
    value = condition.value
    if isinstance(value, int | float):
        low = condition.comparison in (">", ">=")
        closed = condition.comparison in (">=", "<=")
        return (value, closed, math.inf, True) if low else (-math.inf, True, value, closed)
    if condition.comparison == "between" and isinstance(value, tuple):
        return (float(value[0]), True, float(value[1]), True)
    return None


def _empty(one: _Span, other: _Span) -> bool:
    low, high = max(one[0], other[0]), min(one[2], other[2])
    if low != high:
        return low > high
    ends = [closed for end, closed in (one[:2], one[2:], other[:2], other[2:]) if end == low]
    return not all(ends)


def _of_texts(conditions: Sequence[Condition]) -> str | None:
    allowed: set[str] | None = None
    wanted: list[Condition] = []
    for one in conditions:
        if one.comparison in ("==", "in"):
            wanted.append(one)
            allowed = set(one.texts) if allowed is None else allowed & set(one.texts)
    if allowed is None:
        return None
    ruled_out = [one for one in conditions if one.comparison in ("!=", "not in")]
    left = allowed - {text for one in ruled_out for text in one.texts}
    return None if left else f"no row can fulfil both {_joined([*wanted, *ruled_out])}"


def _joined(conditions: Iterable[Condition]) -> str:
    return " and ".join(map(str, conditions))
