"""A pipeline that breaks on purpose: the process dies, takes all memory, a row raises, everything does, no disk."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pyarrow as pa

from operators.row_errors import RowError, with_errors
from pipelines.pipeline import Pipeline
from schemas.device_logs import DEVICE_LOG, DEVICE_LOGS
from schemas.topic import Topic

HOARD_BYTES = 1 << 30


@dataclass(frozen=True)
class Fragile:
    """Adds nothing. A message `abort` ends the process, `hoard` takes a GiB, `raise` raises, `outage` is an OSError,
    `error` a row error.
    """

    name: str = "fragile"

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        return schema

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        messages = batch.column("message").to_pylist()
        if "abort" in messages:
            os.abort()
        if "hoard" in messages:
            len(b"x" * HOARD_BYTES)
        if "outage" in messages:
            raise OSError("the model server is away")
        if "raise" in messages:
            raise ValueError("cannot think of an answer")
        errors = {i: RowError(self.name, "nan", "expected words") for i, text in enumerate(messages) if text == "error"}
        return with_errors(batch, errors)


COPIES = Topic("test.copies", DEVICE_LOG, "lines as they came")
COPY = Pipeline("copy", [DEVICE_LOGS], [Fragile()], [COPIES])
