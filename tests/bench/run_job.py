"""One job in a process of its own: `python tests/bench/run_job.py KIND EVENTS`. Prints its figures as one JSON object.

KIND is a shipped pipeline, `alerts` (telemetry and alerts together), or `plumbing`: rows copied without any model. For
text kinds the very feeds that the job gave to ONNX Runtime are run once more bare, in the same process: the limit.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from infra.sqlite_broker import SqliteBroker
from models.text_model import TextModel
from pipelines.catalog import shipped_pipeline
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.job_settings import JobSettings
from pipelines.pipeline import Pipeline
from schemas.catalog import INPUTS
from schemas.device_logs import DEVICE_LOG, DEVICE_LOGS
from schemas.topic import Topic
from tests.bench.workloads import events


def pipelines_of(kind: str) -> list[Pipeline]:
    """Return what a kind of benchmark runs."""
    if kind == "plumbing":
        return [Pipeline("plumbing", [DEVICE_LOGS], [], [Topic("bench.copies", DEVICE_LOG, "lines as they came")])]
    if kind == "alerts":
        return [shipped_pipeline("telemetry"), shipped_pipeline("alerts")]
    return [shipped_pipeline(kind)]


class Recorder:
    """Stands before a session and keeps what it was fed; time in the session itself is counted."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.feeds: list[tuple[Any, Any]] = []

    def run(self, outputs: Any, feeds: Any) -> Any:
        """Run and remember."""
        self.feeds.append((outputs, feeds))
        return self.session.run(outputs, feeds)

    def bare_seconds(self) -> float:
        """Run everything once more with nothing around it."""
        start = time.perf_counter()
        for outputs, feeds in self.feeds:
            self.session.run(outputs, feeds)
        return time.perf_counter() - start


def recorded(pipelines: list[Pipeline]) -> Recorder | None:
    """Put a recorder before the text model of a pipeline, if it has one."""
    for pipeline in pipelines:
        for operator in pipeline.operators:
            model = getattr(operator, "model", None)
            if isinstance(model, TextModel):
                loaded = model._load()
                recorder = Recorder(loaded._session)
                loaded._session = recorder  # type: ignore[assignment]
                return recorder
    return None


def main() -> None:
    """Fill a broker, run the job to the end, print what it took."""
    kind, count = sys.argv[1], int(sys.argv[2])
    made = events("telemetry" if kind == "alerts" else kind, count)
    with tempfile.TemporaryDirectory() as folder, SqliteBroker(Path(folder) / "hubbub.db") as broker:
        broker.create_topics(INPUTS)
        while chunk := list(islice(made, 5000)):
            broker.append(chunk)
        pipelines = pipelines_of(kind)
        for pipeline in pipelines:
            for operator in pipeline.operators:
                if (model := getattr(operator, "model", None)) is not None:
                    model.load()
        recorder = recorded(pipelines)
        cpu = time.process_time()
        report = EmbeddedEngine(broker, JobSettings()).run(pipelines, until_end=True)
        cpu = time.process_time() - cpu
    stages: dict[str, float] = {}
    for times in report.pipelines.values():
        for stage, seconds in times.seconds.items():
            stages[stage] = stages.get(stage, 0.0) + seconds
    print(
        json.dumps(
            {
                "events": count,
                "seconds": report.seconds,
                "cpu_seconds": cpu,
                "stages": stages,
                "bare_seconds": recorder.bare_seconds() if recorder else None,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
