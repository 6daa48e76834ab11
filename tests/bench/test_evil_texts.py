"""How long the worst texts of 64 KB take: each shipped pattern, and masking, on what somebody writes to slow it down.

Processor time of this thread, the best of three tries. Python's own engine would need hours for some of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

import pyarrow as pa
import pytest
import re2

from operators import masking
from tests.bench.figures import machine, table
from tests.shipped_patterns import evil_texts, shipped_patterns

SEED = 20260301
TRIES = 3
SHOWN = 10


def best_ms(work: Callable[[], object]) -> float:
    """The processor's time of the best of some runs."""
    best = float("inf")
    for _ in range(TRIES):
        started = time.thread_time()
        work()
        best = min(best, 1000 * (time.thread_time() - started))
    return best


def worst_ms(pattern: str, ways: list[Callable[[str], object]]) -> tuple[float, str]:
    """Return the longest time, and the beginning of the text that took it."""
    texts = evil_texts(pattern, Random(f"{SEED}/{pattern}"))
    return max((best_ms(lambda: way(text)), text[:30]) for text in texts for way in ways)  # noqa: B023


@pytest.mark.slow
def test_the_slowest_texts() -> None:
    found = []
    for name, pattern in shipped_patterns().items():
        compiled = re2.compile(pattern)
        found.append((*worst_ms(pattern, [compiled.match, compiled.search, compiled.fullmatch]), name))
    rows = [[name, f"{took:.2f}", repr(text)] for took, text, name in sorted(found, reverse=True)[:SHOWN]]
    took, text = worst_ms(masking._VARIES, [lambda text: masking.mask_lines(pa.array([text]))])
    rows.append(["masking a line", f"{took:.2f}", repr(text)])
    print(f"\n{machine()} Seed {SEED}.\n\n" + table(["what", "ms for its worst text of 64 KB", "which begins"], rows))
