"""Matches: the rows of a batch that mean something to an alert rule. The whole batch is asked at once, by Arrow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.alert_evidence import read_evidence
from operators.alert_memory import Evidence, Mark
from operators.alert_rule import AlertRule, Source
from operators.condition import Condition, all_of, any_of, column_at
from schemas.severity import SEVERITIES

_RANK: Final = {severity: rank for rank, severity in enumerate(SEVERITIES)}


@dataclass(frozen=True, slots=True)
class Match:
    """One row under one rule: the mark that it makes, not yet placed in time (`at` is its event time)."""

    row: int
    device_id: str
    rule: AlertRule
    labels: list[str | None]
    mark: Mark


def find_matches(source: Source, rules: Sequence[AlertRule], batch: pa.RecordBatch) -> list[Match]:
    """Return what each rule makes of the rows, by row and then in the order of the rules.

    A row that both raises and clears clears.
    """
    found: list[tuple[int, int, bool]] = []
    groups: dict[int, list[int]] = {}
    for number, rule in enumerate(rules):
        raises, clears = _signs_of(rule, batch)
        if raises is not None and rule.together:
            groups[number] = _groups_of(rule, batch)
        for mask, is_raise in ((raises, True), (clears, False)):
            if mask is not None:
                rows = np.flatnonzero(mask.to_numpy(zero_copy_only=False)).tolist()
                found += [(row, number, is_raise) for row in rows]
    if not found:
        return []
    found.sort()
    rows = sorted({row for row, _, _ in found})
    taken = batch if len(rows) == batch.num_rows else batch.take(pa.array(rows, pa.int64()))
    index = {row: i for i, row in enumerate(rows)}
    device_ids: list[str] = taken.column("device_id").to_pylist()
    times: list[int] = taken.column("event_time").view(pa.int64()).to_pylist()
    event_ids: list[str] = column_at(taken, "hubbub.input.event_id").to_pylist()
    numbers = {number for _, number, _ in found}
    # Rules that show the same answer share the reading of it.
    answers = {rules[number].answer_column for number in numbers}
    evidence = {answer: read_evidence(source, taken, answer) for answer in sorted(answers)}
    readers = {number: _RowReader.of(rules[number], taken, evidence) for number in sorted(numbers)}
    matches = []
    for row, number, is_raise in found:
        i, reader = index[row], readers[number]
        mark = Mark(times[i], times[i], event_ids[i], raises=False)
        if is_raise:
            fulfilled = groups[number][row] if number in groups else 0
            mark = Mark(
                times[i],
                times[i],
                event_ids[i],
                True,
                reader.severity(i),
                reader.category(i),
                reader.evidence(i),
                fulfilled,
            )
        matches.append(Match(row, device_ids[i], reader.rule, reader.labels(i), mark))
    return matches


def _signs_of(rule: AlertRule, batch: pa.RecordBatch) -> tuple[pa.Array | None, pa.Array | None]:
    """Return which rows raise and which clear; None where none does."""
    about = _every(rule.where, batch)
    if about is None:
        return None, None
    raises = _both(about, _every(rule.when, batch))
    if raises is not None and rule.together:
        raises = _both(raises, _any([all_of(group, batch) for group in rule.together]))
    clears = _both(about, any_of(rule.clears, batch)) if rule.clears else None
    if rule.clears_otherwise:
        # A row that does not say what is asked about is neither.
        says = [pc.is_valid(column_at(batch, condition.column)) for condition in rule.when]
        clears = _both(about, reduce(pc.and_, says))
        clears = clears if clears is None or raises is None else pc.and_not(clears, raises)
    elif raises is not None and clears is not None:
        raises = pc.and_not(raises, clears)
    return raises, clears


def _groups_of(rule: AlertRule, batch: pa.RecordBatch) -> list[int]:
    """Return for each row which groups of `together` it fulfils, a bit each."""
    bits = np.zeros(batch.num_rows, dtype=np.int64)
    for i, group in enumerate(rule.together):
        mask = all_of(group, batch)
        if mask is not None:
            bits |= mask.to_numpy(zero_copy_only=False).astype(np.int64) << i
    fulfilled: list[int] = bits.tolist()
    return fulfilled


def _every(conditions: Sequence[Condition], batch: pa.RecordBatch) -> pa.Array | None:
    """Return the rows that fulfil every condition, all rows where there is none; None when no row does."""
    if not conditions:
        return pa.array(np.ones(batch.num_rows, dtype=bool)) if batch.num_rows else None
    return all_of(conditions, batch)


def _both(one: pa.Array | None, other: pa.Array | None) -> pa.Array | None:
    if one is None or other is None:
        return None
    both = pc.and_(one, other)
    return both if both.true_count else None


def _any(masks: Sequence[pa.Array | None]) -> pa.Array | None:
    there = [mask for mask in masks if mask is not None]
    return reduce(pc.or_, there) if there else None


@dataclass(frozen=True, slots=True)
class _RowReader:
    """What one rule reads of a matching row."""

    rule: AlertRule
    evidence: Callable[[int], Evidence]
    label_columns: list[list[str | None]]
    category_column: list[str | None] | None
    severity_columns: list[list[str | None]]
    severity_table: dict[str, int]
    otherwise: int

    @classmethod
    def of(cls, rule: AlertRule, rows: pa.RecordBatch, evidence: Mapping[str, Callable[[int], Evidence]]) -> _RowReader:
        labels = [column_at(rows, path).to_pylist() for _, path in rule.labels]
        category = column_at(rows, rule.category).to_pylist() if rule.category else None
        shown, chosen = evidence[rule.answer_column], rule.severity
        if isinstance(chosen, str):
            return cls(rule, shown, labels, category, [], {}, _RANK[chosen])
        columns = [column_at(rows, path).to_pylist() for path in chosen.columns]
        table = {value: _RANK[severity] for value, severity in chosen.table.items()}
        return cls(rule, shown, labels, category, columns, table, _RANK[chosen.otherwise])

    def labels(self, i: int) -> list[str | None]:
        return [column[i] for column in self.label_columns]

    def category(self, i: int) -> str | None:
        return None if self.category_column is None else self.category_column[i]

    def severity(self, i: int) -> int:
        for column in self.severity_columns:
            value = column[i]
            if value is not None and (rank := self.severity_table.get(value)) is not None:
                return rank
        return self.otherwise
