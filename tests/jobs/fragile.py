"""A pipeline that breaks on purpose: the process dies, one row raises, everything raises, or the disk is gone."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pyarrow as pa

from operators.row_errors import RowError, with_errors
from pipelines.pipeline import Pipeline
from schemas.device_logs import DEVICE_LOG, DEVICE_LOGS
from schemas.topic import Topic


@dataclass(frozen=True)
class Fragile:
    """Adds nothing. A message `abort` ends the process, `raise` raises, `outage` is an OSError, `error` a row error."""

    name: str = "fragile"

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        return schema

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        messages = batch.column("message").to_pylist()
        if "abort" in messages:
            os.abort()
        if "outage" in messages:
            raise OSError("the model server is away")
        if "raise" in messages:
            raise ValueError("cannot think of an answer")
        errors = {i: RowError(self.name, "nan", "expected words") for i, text in enumerate(messages) if text == "error"}
        return with_errors(batch, errors)


COPIES = Topic("test.copies", DEVICE_LOG, "lines as they came")
COPY = Pipeline("copy", [DEVICE_LOGS], [Fragile()], [COPIES])
