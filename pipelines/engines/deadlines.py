"""Deadlines that operators set must lie ahead: one that has passed already would fire where the batch happens to end.

What comes of a deadline has its place in the order by the first row whose watermark reaches it. If that row has gone by
when the deadline is set, the place depends on where rows were cut into steps, and no engine can mend it: the job stops.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from operators.operator import KeyedOperator
from pipelines.engines.state_rows import NEVER_US, BrokenContract
from schemas.microseconds import microseconds

_NONE = np.iinfo(np.int64).max


def check_after_rows(
    operator: KeyedOperator, keys: Sequence[str], states: pa.RecordBatch, batch: pa.RecordBatch
) -> None:
    """Raise BrokenContract unless each key's deadline lies above the watermark of the key's last row in the batch.

    `keys` are those of the batch in order of first appearance, `states` what the operator made of them.
    """
    if "deadline" not in states.schema.names or not batch.num_rows:
        return
    rows = batch.column(operator.key).dictionary_encode().indices.to_numpy()
    passed = np.full(len(keys), NEVER_US)
    np.maximum.at(passed, rows, _microseconds(batch, "watermark", NEVER_US))
    _check(operator, keys, states, passed, "of the row that set it")


def check_after_firing(operator: KeyedOperator, keys: Sequence[str], states: pa.RecordBatch, watermark_us: int) -> None:
    """Raise BrokenContract unless what was due up to `watermark_us` is gone from the states of the keys that fired."""
    _check(operator, keys, states, np.full(len(keys), watermark_us), "up to which it was to fire")


def _check(
    operator: KeyedOperator, keys: Sequence[str], states: pa.RecordBatch, passed: np.ndarray, which: str
) -> None:
    deadlines = _microseconds(states, "deadline", _NONE)
    wrong = np.flatnonzero(deadlines <= passed)
    if len(wrong):
        first = int(wrong[0])
        at, now = (np.datetime64(int(each[first]), "us") for each in (deadlines, passed))
        raise BrokenContract(
            f"operator {operator.name}: expected a deadline above the watermark {now}Z {which}, got {at}Z for key "
            f"{keys[first]!r}; this is a bug of the operator"
        )


def _microseconds(batch: pa.RecordBatch, column: str, missing: int) -> np.ndarray:
    times: np.ndarray = microseconds(batch.column(column), missing)
    return times
