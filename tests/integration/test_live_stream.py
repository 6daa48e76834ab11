"""A stream without an end under a runner that dies: what Flink does to it, without Flink.

The runner here keeps what RunStream puts into Beam's state, takes checkpoints, dies at random and goes on from the last
one; what was written stays written. Flink itself does it in test_beam_flink.py, which is slow.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from infra.broker import Stream
from infra.sqlite.broker import SqliteBroker
from pipelines.engines.graph import streams_of, topics_of
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.kept_memory import KeptMemory
from pipelines.engines.live_stream import LiveStream
from pipelines.engines.ticks import read_ticks
from pipelines.pipeline import Pipeline
from pipelines.replay.kept_history import Range, kept_history
from pipelines.replay.run_side import Progress, run_side
from schemas.catalog import INPUTS
from tests.integration.test_beam_engine import _lines, rows
from tests.integration.test_merged_streams import PIPELINE as MERGED
from tests.jobs.counting import COUNTS, SILENCES

SETTINGS = JobSettings(batch_records=7, tick_s=0.0)
GROUP = "hubbub"


@dataclass
class Runner:
    """Runs the streams of pipelines, each for a moment in turn."""

    broker: SqliteBroker
    pipelines: list[Pipeline]
    kept: dict[tuple[str, Stream], tuple[bytes, list[bytes]]] = field(default_factory=dict)
    live: dict[tuple[str, Stream], LiveStream] = field(default_factory=dict)
    checkpoint: dict[tuple[str, Stream], tuple[bytes, list[bytes]]] = field(default_factory=dict)
    deaths: int = 0

    def turn(self, *, tick: bool) -> bool:
        """Let every stream work for a moment; return whether any had something to do."""
        worked = False
        for pipeline in self.pipelines:
            for stream in streams_of(pipeline):
                worked |= self._moment(pipeline, stream, tick=tick)
        return worked

    def keep(self) -> None:
        """Take a checkpoint."""
        self.checkpoint = dict(self.kept)

    def die(self) -> None:
        """Lose everything but what was written, and go on from the last checkpoint."""
        self.live, self.kept = {}, dict(self.checkpoint)
        self.deaths += 1

    def _moment(self, pipeline: Pipeline, stream: Stream, *, tick: bool) -> bool:
        name = (pipeline.name, stream)
        if name not in self.kept:
            kept = KeptMemory(())
            self.kept[name] = (kept.to_bytes(), [kept.begin([])])
        head, entries = self.kept[name]
        found = KeptMemory.read(head)
        assert found is not None
        if name not in self.live:
            settings = SETTINGS if tick else JobSettings(batch_records=7, tick_s=1e9)
            memory = found.restore(stream, entries)
            self.live[name] = LiveStream(pipeline, self.broker, memory, settings, f"{GROUP}-{pipeline.name}")
        moment = self.live[name].work(0.0)
        self.broker.append([*moment.records, *moment.letters])
        if moment.states:
            entries = [*entries, found.changed(moment.states)]
        found.position = self.live[name].position
        self.kept[name] = (found.to_bytes(), entries)
        return not moment.idle


@pytest.mark.parametrize("pipelines", [[COUNTS, SILENCES], [MERGED]], ids=["two", "merged"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_dies_and_goes_on(tmp_path: Path, pipelines: list[Pipeline], seed: int) -> None:
    """What it wrote, each row once, is what the embedded engine's replay of the same log and ticks writes."""
    print(f"seed {seed}")
    rng = random.Random(seed)
    lines = _lines(250)
    with SqliteBroker(tmp_path / "hubbub.db", durability="off") as broker:
        broker.create_topics([*INPUTS, *topics_of(pipelines)])
        runner = Runner(broker, pipelines)
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
