"""Closed lists of values: what a text column may hold, as its declaration says."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa


def closed_values(column: pa.Field) -> Sequence[str]:
    """Return the values that a column is closed to, none when it is open."""
    metadata = column.metadata or {}
    return metadata[b"values"].decode("utf-8").split("\n") if b"values" in metadata else ()
