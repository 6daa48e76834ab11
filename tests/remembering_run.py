"""Run an operator with memory as an engine would: in batches, its memory stored as bytes and loaded again between."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa

from operators.operator import KeyedOperator
from pipelines.engines.state_rows import StateRows

Store = dict[str, bytes]


def run_with_memory(
    operator: KeyedOperator, batch: pa.RecordBatch, cuts: Sequence[int] = (), store: Store | None = None
) -> list[dict[str, Any]]:
    """Return the output rows; `cuts` are where batches end. `store` holds the memory before and afterwards."""
    store = {} if store is None else store
    out: list[dict[str, Any]] = []
    bounds = [0, *sorted(cuts), batch.num_rows]
    for start, end in pairwise(bounds):
        part = batch.slice(start, end - start)
        memory = StateRows([operator], lambda keys: [store.get(key) for key in keys])
        keys = part.column(operator.key).unique().to_pylist()
        memory.fetch(keys)
        after, made = operator.process(memory.batch(operator, keys), part)
        memory.update(operator, keys, after)
        made.validate(full=True)
        out += made.to_pylist()
        for change in memory.changes():
            if change.value is None:
                store.pop(change.key, None)
            else:
                store[change.key] = change.value
    return out
