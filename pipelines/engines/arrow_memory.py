"""Where Arrow's columns lie in a job's memory: with everything else, so that what one step lets go the next one takes.

Arrow's own allocator (mimalloc, in the wheels of pyarrow 25) keeps what is freed for its next request of that size and
thread. Steps are of every size, so a job that is days old held ever more: with 10,000 devices its memory went to and
fro between 208 and 229 MB, and rose; with the C library's allocator it stands still from hour 10 on, for no more
processor time (BENCHMARKS.md, "Many devices").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pyarrow as pa

VARIABLE: Final = "ARROW_DEFAULT_MEMORY_POOL"
"""Arrow's own way to choose; whoever has chosen knows why."""


def take_arrow_memory_from_the_system(environment: Mapping[str, str]) -> None:
    """Let Arrow allocate by the C library in this process; call it before work begins."""
    if not environment.get(VARIABLE):
        pa.set_memory_pool(pa.system_memory_pool())
