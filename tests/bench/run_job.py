"""One job in a process of its own: `python tests/bench/run_job.py KIND EVENTS [URL PREFIX CLIENT]`.

Prints its figures as one JSON object. Without a URL the broker is a new SQLite file; with one it is that Kafka, where
all names begin with PREFIX, by the client CLIENT.

KIND is a shipped pipeline, `alerts` (telemetry and alerts together), or `plumbing`: rows copied without any model. For
text kinds all that the job gives to ONNX Runtime is run once more bare, right behind each batch: the limit.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from infra.broker import Broker
from infra.broker_url import open_broker
from infra.settings import load_settings
from models.cpu_quota import cpu_quota
from models.loaded_text import LoadedText
from models.side_by_side import SideBySide
from models.text_answers import TextAnswers
from models.text_model import TextModel
from pipelines.catalog import shipped_pipeline
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.graph import topics_of
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


class Again:
    """Runs all that a text model gave to its session once more, bare, behind each batch: as many runs at once.

    Both lie close together, so whatever else the machine does slows both alike. `seconds` and `cpu_seconds` are what
    the bare runs took.
    """

    def __init__(self, loaded: LoadedText) -> None:
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self._session, self._answer = loaded._session, loaded.answer
        self._asked: list[tuple[Any, Any]] = []
        self._bare: SideBySide[tuple[Any, Any], Any] = SideBySide(lambda asked: self._session.run(*asked), cpu_quota())
        loaded._session = self  # type: ignore[assignment]
        loaded.answer = self.answer  # type: ignore[method-assign]

    def run(self, outputs: Any, feeds: Any) -> Any:
        """Note what is asked, and answer."""
        self._asked.append((outputs, feeds))
        return self._session.run(outputs, feeds)

    def answer(self, texts: Sequence[str | None], explain: Sequence[str] = ()) -> TextAnswers:
        """Answer, then run all of it again with nothing around."""
        answers = self._answer(texts, explain)
        start, cpu = time.perf_counter(), time.process_time()
        for _ in self._bare(self._asked):
            pass
        self.seconds += time.perf_counter() - start
        self.cpu_seconds += time.process_time() - cpu
        self._asked.clear()
        return answers


def run_again(pipelines: list[Pipeline]) -> list[Again]:
    """Have all runs of each text model done once more."""
    models = {getattr(operator, "model", None) for pipeline in pipelines for operator in pipeline.operators}
    return [Again(model.loaded()) for model in models if isinstance(model, TextModel)]


def broker_of(folder: Path, where: list[str]) -> Broker:
    """Open the broker of a run: a new file in `folder`, or `where` says (url, prefix, client)."""
    flags = dict(zip(("broker.url", "kafka.topic_prefix", "kafka.client"), where, strict=False))
    flags.setdefault("broker.url", f"sqlite:{folder / 'hubbub.db'}")
    if len(where) > 1:
        flags["kafka.state_dir"] = str(folder / "state")
    settings = load_settings(flags=flags, environment={}, directory=folder)
    return open_broker(settings.broker, settings.kafka)


def main() -> None:
    """Fill a broker, run the job to the end, print what it took."""
    kind, count, where = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    made = events("telemetry" if kind == "alerts" else kind, count)
    with tempfile.TemporaryDirectory() as folder, broker_of(Path(folder), where) as broker:
        pipelines = pipelines_of(kind)
        broker.create_topics([*INPUTS, *topics_of(pipelines)])
        while chunk := list(islice(made, 5000)):
            broker.append(chunk)
        for pipeline in pipelines:
            for operator in pipeline.operators:
                if (model := getattr(operator, "model", None)) is not None:
                    model.load()
        again = run_again(pipelines)
        cpu = time.process_time()
        report = EmbeddedEngine(broker, JobSettings()).run(pipelines, until_end=True)
        cpu = time.process_time() - cpu
    stages: dict[str, float] = {}
    for times in report.pipelines.values():
        for stage, seconds in times.seconds.items():
            stages[stage] = stages.get(stage, 0.0) + seconds
    bare = sum(one.seconds for one in again)
    if bare:
        # Of what the operators took one part was the bare runs; the model's own share is as much.
        stages |= {"model": bare, "operators": stages["operators"] - 2 * bare}
    print(
        json.dumps(
            {
                "events": count,
                "seconds": report.seconds - bare,
                "cpu_seconds": cpu - sum(one.cpu_seconds for one in again),
                "stages": stages,
                "bare_seconds": bare or None,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
