"""A job's columns lie in the C library's memory, unless somebody chose otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

from pipelines.engines.arrow_memory import VARIABLE, take_arrow_memory_from_the_system


@pytest.fixture(autouse=True)
def the_same_pool_afterwards() -> Iterator[None]:
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.mimalloc_memory_pool())
    yield
    pa.set_memory_pool(before)


@pytest.mark.parametrize(("environment", "pool"), [({}, "system"), ({VARIABLE: "mimalloc"}, "mimalloc")])
def test_arrow_allocates_where_everything_else_does(environment: dict[str, str], pool: str) -> None:
    take_arrow_memory_from_the_system(environment)
    assert pa.default_memory_pool().backend_name == pool
    before = pa.default_memory_pool().bytes_allocated()
    column = pa.array(range(10_000), pa.int64())
    assert pa.default_memory_pool().bytes_allocated() - before >= column.nbytes
