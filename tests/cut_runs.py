"""Run any operator over rows that are cut anywhere, its memory stored and loaded again at each cut, deadlines fired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa

from infra.broker import StateRow
from operators.operator import KeyedOperator, Operator
from pipelines.engines.deadlines import check_after_firing, check_after_rows
from pipelines.engines.state_rows import StateRows

Store = dict[str, bytes]


def run(
    operator: Operator | KeyedOperator,
    batch: pa.RecordBatch,
    cuts: Sequence[int] = (),
    store: Store | None = None,
) -> list[dict[str, Any]]:
    """Run rows through an operator cut at these places, its memory stored and loaded again in between.

    `store` is the memory it begins with, by key, and holds what it remembers in the end.
    """
    store = {} if store is None else store
    out: list[dict[str, Any]] = []
    bounds = [0, *sorted(cuts), batch.num_rows]
    for start, end in pairwise(bounds):
        part = batch.slice(start, end - start)
        if not isinstance(operator, KeyedOperator):
            out += operator.process(part).to_pylist()
            continue
        memory = StateRows([operator], lambda keys: list(map(store.get, keys)))
        keys = part.column(operator.key).unique().to_pylist()
        memory.fetch(keys)
        after, made = operator.process(memory.batch(operator, keys), part)
        memory.update(operator, keys, after)
        check_after_rows(operator, keys, after, part)
        made.validate(full=True)
        rows = made.to_pylist()
        # The engine fires what is due behind the rows: of the keys of the batch, and of those whose memory is stored.
        if "deadline" in operator.state_schema.names and end > start:
            watermark = part.column("watermark")[-1].value
            if watermark is not None:
                memory.fetch(list(store))
                due = memory.due(operator, watermark)
                if due:
                    after, fired = operator.fire(pa.array(due, pa.string()), memory.batch(operator, due), watermark)
                    memory.update(operator, due, after)
                    check_after_firing(operator, due, after, watermark)
                    rows += fired.to_pylist()
        for row in rows:
            if operator.emits and row["_row"] is not None:
                row["_row"] += start  # counted within its batch
        out += rows
        for change in memory.changes():
            _store(store, change)
    return sorted(out, key=str) if isinstance(operator, KeyedOperator) and operator.emits else out


def assert_cuts_change_nothing(operator: KeyedOperator, batch: pa.RecordBatch, cuts: Sequence[int]) -> None:
    """Hold an operator to the same answers and the same memory uncut, cut at these places and cut at every row."""
    whole: Store = {}
    straight = run(operator, batch, store=whole)
    for places in ([cut for cut in cuts if cut <= batch.num_rows], range(1, batch.num_rows)):
        pieces: Store = {}
        assert run(operator, batch, places, pieces) == straight
        assert pieces == whole


def step(
    operator: KeyedOperator, batch: pa.RecordBatch, store: Mapping[str, bytes]
) -> tuple[dict[str, bytes | None], list[dict[str, object]]]:
    """Run rows through an operator once; return what it remembers of their keys then, and what it made of them."""
    memory = StateRows([operator], lambda keys: list(map(store.get, keys)))
    keys = batch.column(operator.key).unique().to_pylist()
    memory.fetch(keys)
    after, made = operator.process(memory.batch(operator, keys), batch)
    memory.update(operator, keys, after)
    return {change.key: change.value for change in memory.changes()}, made.to_pylist()


def _store(store: Store, change: StateRow) -> None:
    if change.value is None:
        store.pop(change.key, None)
    else:
        store[change.key] = change.value
