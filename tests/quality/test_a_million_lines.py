"""A million lines of one device, no two alike: what is remembered of them stays small."""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from operators.mine_templates import MineTemplates
from operators.template_tree import MOST_TEMPLATES
from schemas.topic import TIMESTAMP
from tests.remembering_run import Store, run_with_memory

NOON = 1_790_000_000_000_000


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_a_million_distinct_lines_are_bounded() -> None:
    """Words of letters alone: no mask brings these lines together."""
    store: Store = {}
    draw = np.random.default_rng(3)
    for start in range(0, 1_000_000, 20_000):
        codes = draw.integers(0, 26, size=(20_000, 24)).astype(np.uint8) + 97
        codes[:, [6, 12, 18]] = 32
        texts = [row.tobytes().decode() for row in codes]
        times = pa.array(range(NOON + start, NOON + start + len(texts)), pa.int64()).cast(TIMESTAMP)
        columns = [pa.array(["d1"] * len(texts)), times, pa.array(texts), times]
        batch = pa.RecordBatch.from_arrays(columns, ["device_id", "event_time", "message", "watermark"])
        run_with_memory(MineTemplates(), batch, store=store)
    [(_, (stored, _))] = msgspec.msgpack.decode(store["d1"]).values()
    lines, _, _, templates = msgspec.msgpack.decode(stored)
    assert lines == 1_000_000
    assert len(templates) == MOST_TEMPLATES
    assert len(store["d1"]) < 120_000
