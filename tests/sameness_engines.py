"""The engines of the sameness suite: each joins by one entry of `ENGINES`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.kafka import LocalKafka
from infra.sqlite.broker import SqliteBroker
from pipelines.catalog import shipped_pipeline
from pipelines.engines.job_settings import JobSettings
from pipelines.replay.kept_history import Range, kept_history
from pipelines.replay.run_side import Progress, run_side
from schemas.catalog import INPUTS, TABLES
from tests.sameness_outcome import Outcome, read_outcome
from tests.sameness_runs import Case, Place, SameEngine, kafka_place, sqlite_place


def replayed_embedded(case: Case, place: Place) -> Outcome:
    """Replay where the history lies, as `hubbub replay` does: outputs go to a file that is thrown away."""
    with place.open() as broker:
        history = kept_history(broker, (*TABLES, *INPUTS), Range())
        side = run_side(
            case.name,
            [shipped_pipeline(one) for one in case.pipelines],
            history,
            case.folder / "replay.db",
            JobSettings(batch_records=case.batch),
            group=None,
            stop=threading.Event(),
            progress=Progress(),
        )
        assert isinstance(side.broker, SqliteBroker)
        with side.broker as scratch:
            return read_outcome(scratch)


EMBEDDED_SQLITE = SameEngine(
    "embedded on SQLite", lambda folder: sqlite_place(folder / "hubbub.db"), replay=replayed_embedded
)


LOCAL_BEAM = ("--engine", "beam", "--runner", "local")
FLINK = ("--engine", "beam", "--runner", "FlinkRunner", "--processes", "2", "--checkpoint-s", "2")
BEAM_SQLITE = SameEngine(
    "Beam local on SQLite", lambda folder: sqlite_place(folder / "hubbub.db"), LOCAL_BEAM, exactly_once=False
)


def engines_on(kafka: LocalKafka) -> tuple[SameEngine, ...]:
    """Return the engines that need a Kafka."""

    def place(folder: Path) -> Place:
        return kafka_place(kafka.bootstrap, folder)

    return (
        SameEngine("embedded on Kafka", place, replay=replayed_embedded),
        SameEngine("Faust", place, ("--engine", "faust"), exactly_once=False),
        SameEngine("Beam local on Kafka", place, LOCAL_BEAM, exactly_once=False),
        SameEngine("Beam on Flink", place, FLINK, exactly_once=False, streams=True),
    )


@contextmanager
def opened_engines(folder: Path) -> Iterator[tuple[SameEngine, ...]]:
    """Give every engine, with the Kafka that some of them need, which lies in `folder` and ends with the block."""
    with LocalKafka(folder / "kafka") as kafka:
        yield (EMBEDDED_SQLITE, BEAM_SQLITE, *engines_on(kafka))
