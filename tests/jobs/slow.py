"""A pipeline whose operator takes its time: what a slow model, or a slow sink behind it, is to an engine."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import pyarrow as pa

from operators.columns import with_columns, with_fields
from pipelines.pipeline import Pipeline
from schemas.device_logs import DEVICE_LOG, DEVICE_LOGS
from schemas.topic import Topic

PROCESS = pa.field("process", pa.int64())


@dataclass(frozen=True)
class TakeTime:
    """Adds `process`, the number of the process that did it. A message `sleep N` takes N seconds, a batch `seconds`."""

    seconds: float = 0.02
    name: str = "take_time"

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        return with_fields(self.name, schema, [PROCESS])

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        time.sleep(self.seconds)
        for message in batch.column("message").to_pylist():
            if message is not None and message.startswith("sleep "):
                time.sleep(float(message.removeprefix("sleep ")))
        return with_columns(batch, [PROCESS], [pa.repeat(pa.scalar(os.getpid(), pa.int64()), batch.num_rows)])


DONE = Topic("test.done", pa.schema([*DEVICE_LOG, PROCESS]), "lines, and who did them")
SLOW = Pipeline("slow", [DEVICE_LOGS], [TakeTime()], [DONE])
SLOWER = Pipeline("slower", [DEVICE_LOGS], [TakeTime(0.5)], [DONE])
