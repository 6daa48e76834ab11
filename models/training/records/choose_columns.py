"""Which columns of a table to learn from, and as what: numbers, categories, or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from itertools import pairwise
from statistics import median

from models.record_columns import Column, WrongValue, category_of, number_of
from models.training.given_rows import BadFile, GivenRow

MOST_VALUES = 64
FEWEST_OF_A_VALUE = 2
FEW_ROWS = 20
NAMED = 5
ONE_VALUE = "it has one value"


def choose_columns(
    records: Sequence[GivenRow], *, drop: Collection[str] = (), categories: Collection[str] = ()
) -> tuple[list[Column], list[str]]:
    """Return the columns to learn from, and a sentence for each that is left out.

    Left out: those in `drop`; columns with one value; identifiers, which are texts of which more than half are
    different, or whole numbers that rise from row to row; arrays and objects. A column whose values all are numbers is
    a number unless it is in `categories`. BadFile for a name that no row has, and when nothing is left.
    """
    names = list(dict.fromkeys(name for record in records for name in record))
    for name in (*drop, *categories):
        if name not in names:
            raise BadFile(f"expected one of the columns {', '.join(names)}, got {name!r}")
    columns: list[Column] = []
    said: list[str] = []
    constant: list[str] = []
    for name in names:
        if name in drop:
            continue
        values = [record.get(name) for record in records]
        try:
            column, why = _number(name, values) if name not in categories else (None, "")
            if column is None and not why:
                column, why = _category(name, values, asked=name in categories)
        except WrongValue as wrong:
            column, why = None, f"it holds {wrong}"
        if column is None and why == ONE_VALUE:
            constant.append(name)
        elif column is None:
            said.append(f"the column {name} is left out: {why}")
        else:
            columns.append(column)
    if constant:
        named = ", ".join(constant[:NAMED]) + (", ..." if len(constant) > NAMED else "")
        said.append(f"{len(constant)} columns are left out, for they have one value: {named}")
    if not columns:
        raise BadFile("expected a column to learn from; " + "; ".join(said or ["there is none"]))
    return columns, said


def _number(name: str, values: Sequence[object]) -> tuple[Column | None, str]:
    """Return a number column; None and a reason when it tells nothing; None and "" when it is no number."""
    try:
        numbers = [number_of(value) for value in values]
    except WrongValue as wrong:
        if str(wrong) != "a text":
            raise
        return None, ""
    present = [one for one in numbers if one is not None]
    if len(set(numbers)) < 2:
        return None, ONE_VALUE
    rising = len(present) == len(values) and all(a < b for a, b in pairwise(present))
    if rising and len(values) >= FEW_ROWS and all(one.is_integer() for one in present):
        return None, "it rises from row to row, like a row's number"
    return Column(name, "number", None if len(present) < len(values) else float(median(present))), ""


def _category(name: str, values: Sequence[object], *, asked: bool) -> tuple[Column | None, str]:
    counts = Counter(map(category_of, values))
    if len(counts) < 2:
        return None, ONE_VALUE
    if not asked and len(values) >= FEW_ROWS and len(counts) > len(values) / 2:
        return None, f"it looks like an identifier, {len(counts)} different values in {len(values)} rows"
    frequent = [one for one, times in counts.most_common(MOST_VALUES) if times >= FEWEST_OF_A_VALUE]
    return Column(name, "category", values=tuple(sorted(frequent))), ""
