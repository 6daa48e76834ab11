"""A stream without an end under a runner that dies: what Flink does to it, without Flink.

The runner (tests/stream_runner.py) takes checkpoints, dies at random and goes on from the last one; what was written
stays written. Flink itself does it in test_beam_flink.py, which is slow, and in `make sameness`.
"""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from infra.sqlite.broker import SqliteBroker
from pipelines.catalog import FORECASTING, REKEYED, SHIPPED, shipped_pipeline
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.graph import streams_of, topics_of
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.stream_reader import StreamReader
from pipelines.engines.ticks import read_ticks
from pipelines.pipeline import Pipeline
from pipelines.replay.kept_history import Range, kept_history
from pipelines.replay.run_side import Progress, run_side
from schemas.catalog import INPUTS, TOPICS
from schemas.record import Record
from tests.integration.test_beam_engine import _lines, rows
from tests.integration.test_merged_streams import PIPELINE as MERGED
from tests.jobs.counting import COUNTS, SILENCES
from tests.sameness_differences import differences
from tests.sameness_events import SameInput
from tests.sameness_outcome import read_outcome
from tests.sameness_runs import waits_for
from tests.stream_runner import GROUP, StreamRunner

DEATHS = 4


@pytest.mark.parametrize("pipelines", [[COUNTS, SILENCES], [MERGED]], ids=["two", "merged"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_dies_and_goes_on(tmp_path: Path, pipelines: list[Pipeline], seed: int) -> None:
    """What it wrote, each row once, is what the embedded engine's replay of the same log and ticks writes."""
    print(f"seed {seed}")
    rng = random.Random(seed)
    lines = _lines(250)
    with SqliteBroker(tmp_path / "hubbub.db", durability="off") as broker:
        broker.create_topics([*INPUTS, *topics_of(pipelines)])
        runner = StreamRunner(broker, pipelines, JobSettings(batch_records=7))
        while lines:
            some = rng.randint(1, 60)
            broker.append(lines[:some])
            lines = lines[some:]
            for _ in range(rng.randint(1, 4)):
                tick = rng.random() < 0.3
                runner.turn(tick=tick)
                if rng.random() < 0.4:
                    runner.keep()
                if rng.random() < 0.3:
                    runner.die()
                if tick:
                    runner.live.clear()  # so that ticks come now and then only
        while runner.turn(tick=False):
            pass
        runner.live.clear()
        while runner.turn(tick=True):
            pass
        print(f"{runner.deaths} deaths, {_check(broker, pipelines, tmp_path)} repeats")
    assert runner.deaths >= 3  # else the seed shows nothing


def test_all_shipped_pipelines_come_to_the_end(tmp_path: Path) -> None:
    """A stream knows no end, and yet gives out all that the embedded engine does when its input ends, deaths or not."""
    given = SameInput(seed=20260301, about=300)
    print(f"seed {given.seed}")
    rng = random.Random(given.seed)
    pipelines = [shipped_pipeline(name) for name in (*SHIPPED, *REKEYED, *FORECASTING)]
    settings = JobSettings(batch_records=20, tick_s=None)
    with (
        SqliteBroker(tmp_path / "reference.db", durability="off") as reference,
        SqliteBroker(tmp_path / "hubbub.db", durability="off") as broker,
    ):
        for one in (reference, broker):
            one.create_topics(list(TOPICS.values()))
            one.append(given.records())
        EmbeddedEngine(reference, settings, group=GROUP).run(pipelines, until_end=True)
        runner = StreamRunner(broker, pipelines, settings)
        quiet = 0
        while quiet < 2:  # who follows others hears of their last step when it is kept
            quiet = 0 if runner.turn() else quiet + 1
            # A merge that has read much and may release nothing yet begins again: deaths must come to an end.
            if not quiet and runner.deaths < DEATHS and rng.random() < 0.3:
                runner.die()
            else:
                runner.keep()
        assert waits_for(broker) == ""
        came = read_outcome(broker)
        print(f"{runner.deaths} deaths, {came.repeats} repeats")
        assert runner.deaths == DEATHS and came.repeats > 0  # else the seed shows nothing
        assert came.forecasts and came.incidents
        assert differences(read_outcome(reference), came) == []
        _read_to_the_end(broker, next(one for one in pipelines if one.name == "incidents"))


def _read_to_the_end(broker: SqliteBroker, merged: Pipeline) -> None:
    """Who reads a merge up to an end comes there, though batches on the way are nothing but repeats."""
    repeats = 0
    for stream in streams_of(merged):
        reader = StreamReader(merged, broker, stream, {}, JobSettings(batch_records=1), group=f"{GROUP}-{merged.name}")
        portions = list(reader.until({part: broker.bounds(part)[1] for part in stream.parts}, lambda: False))
        came = [record for portion in portions for run in portion.runs for record in run.records]
        written = [
            record for part in stream.parts for record in broker.read(part, 0, max_records=5_000, max_bytes=1 << 24)
        ]
        assert {_id(record) for record in came} == {_id(record) for record in written}
        assert len(came) == len({_id(record) for record in came})
        repeats += len(written) - len(came)
    assert repeats > 0


def _id(record: Record) -> bytes:
    return next(value for name, value in record.headers if name == "ce_hubbubid")


def _check(broker: SqliteBroker, pipelines: list[Pipeline], folder: Path) -> int:
    history = kept_history(broker, INPUTS, Range())
    side = run_side(
        "embedded",
        pipelines,
        history,
        folder / "replay.db",
        JobSettings(),
        group=GROUP,
        stop=threading.Event(),
        progress=Progress(),
    )
    assert any(read_ticks(broker, f"{GROUP}-{one.name}") for one in pipelines)
    assert isinstance(side.broker, SqliteBroker)
    repeats = 0
    for pipeline in pipelines:
        for sink in pipeline.sinks:
            found, expected = rows(broker, sink.topic.name), rows(side.broker, sink.topic.name)
            assert sorted(map(repr, dict.fromkeys(found))) == sorted(map(repr, expected))
            assert expected
            repeats += len(found) - len(set(found))
    return repeats
