"""The table of engines in the docs says what the code says."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

from pipelines.engines.features import ENGINES, table

DOCS = Path(__file__).parents[2] / "docs" / "engines.md"


def test_the_docs_hold_the_table() -> None:
    """Changed? Put `python -c 'from pipelines.engines.features import *; print(table())'` into docs/engines.md."""
    assert table() in DOCS.read_text(encoding="utf-8")


def test_every_promise_is_said_of_every_engine() -> None:
    assert len({one.engine for one in ENGINES}) == 4
    assert all(cell and "|" not in cell for one in ENGINES for cell in astuple(one))
