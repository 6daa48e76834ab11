"""The job that `make chaos` kills: lines of two partitions are numbered by device and go to three."""

from __future__ import annotations

import pyarrow as pa

from pipelines.pipeline import Pipeline
from schemas.device_logs import DEVICE_LOG
from schemas.topic import Topic
from tests.jobs.counting import NUMBER, NumberLines

LINES = Topic("chaos.lines", DEVICE_LOG, "lines of devices", partitions=2)
NUMBERED = Topic("chaos.numbered", pa.schema([*DEVICE_LOG, NUMBER]), "lines with their number", partitions=3)
COUNTS = Pipeline("chaos", [LINES], [NumberLines()], [NUMBERED])
