"""A million lines of one device, no two alike: what is remembered of them stays small, and so does the process."""

from __future__ import annotations

import time

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from operators.mine_templates import MineTemplates
from operators.template_tree import MOST_TEMPLATES
from pipelines.engines.state_rows import StateRows
from schemas.topic import TIMESTAMP
from tests.bench.evicted_devices import resident_mb

NOON = 1_790_000_000_000_000
LINES, AT_ONCE = 1_000_000, 20_000


def drawn(draw: np.random.Generator, start: int) -> pa.RecordBatch:
    """Words of letters alone: no mask brings these lines together."""
    codes = draw.integers(0, 26, size=(AT_ONCE, 24)).astype(np.uint8) + 97
    codes[:, [6, 12, 18]] = 32
    texts = [row.tobytes().decode() for row in codes]
    times = pa.array(range(NOON + start, NOON + start + len(texts)), pa.int64()).cast(TIMESTAMP)
    columns = [pa.array(["d1"] * len(texts)), times, pa.array(texts), times]
    return pa.RecordBatch.from_arrays(columns, ["device_id", "event_time", "message", "watermark"])


@pytest.mark.slow
@pytest.mark.timeout(7_200)  # two minutes of processor time, on whatever machine
def test_a_million_distinct_lines_are_bounded() -> None:
    operator, draw = MineTemplates(), np.random.default_rng(3)
    stored: bytes | None = None
    sizes, resident, seconds = [], [], time.process_time()
    for start in range(0, LINES, AT_ONCE):
        memory = StateRows([operator], lambda _: [stored])  # noqa: B023 - called before the next round
        memory.fetch(["d1"])
        after, out = operator.process(memory.batch(operator, ["d1"]), drawn(draw, start))
        assert out.column("template").null_count == 0
        memory.update(operator, ["d1"], after)
        [change] = memory.changes()
        stored = change.value
        sizes.append(len(stored or b""))
        resident.append(resident_mb())
    seconds = time.process_time() - seconds
    print(
        f"{LINES:,} lines in {seconds:.0f} s of processor time; memory of the device {sizes[0]:,} bytes after "
        f"{AT_ONCE:,}, {sizes[-1]:,} in the end, {max(sizes):,} at most; the process {resident[0]:.0f} MB, "
        f"{resident[LINES // AT_ONCE // 10]:.0f} MB after a tenth, {max(resident):.0f} MB at most"
    )
    assert stored is not None
    [(_, (kept, _))] = msgspec.msgpack.decode(stored).values()
    lines, _, _, templates = msgspec.msgpack.decode(kept)
    assert lines == LINES
    assert len(templates) == MOST_TEMPLATES
    assert max(sizes) < 120_000
    assert max(resident) < resident[LINES // AT_ONCE // 10] + 30
