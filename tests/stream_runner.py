"""A runner of streams without an end that dies: what Flink does to them, without Flink.

It keeps what RunStream puts into Beam's state, takes checkpoints, lets the offsets of the groups follow them, dies when
it is told to and goes on from the last one; what was written stays written.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from infra.broker import Stream
from infra.sqlite.broker import SqliteBroker
from pipelines.engines.graph import streams_of
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.kept_memory import KeptMemory
from pipelines.engines.live_stream import LiveStream
from pipelines.engines.place import ELSEWHERE
from pipelines.engines.stream_memory import offsets_of
from pipelines.pipeline import Pipeline

GROUP = "hubbub"
# Ticks that are there are read again; with None nobody would look.
NEVER_S = 1e9


@dataclass
class StreamRunner:
    """Runs the streams of pipelines, each for a moment in turn. Their groups are `hubbub-<pipeline>`."""

    broker: SqliteBroker
    pipelines: list[Pipeline]
    settings: JobSettings
    kept: dict[tuple[str, Stream], tuple[bytes, list[bytes]]] = field(default_factory=dict)
    live: dict[tuple[str, Stream], LiveStream] = field(default_factory=dict)
    checkpoint: dict[tuple[str, Stream], tuple[bytes, list[bytes]]] = field(default_factory=dict)
    deaths: int = 0

    def turn(self, *, tick: bool = False) -> bool:
        """Let every stream work for a moment; return whether any had something to do."""
        worked = False
        for pipeline in self.pipelines:
            for stream in streams_of(pipeline):
                worked |= self._moment(pipeline, stream, tick=tick)
        return worked

    def keep(self) -> None:
        """Take a checkpoint, which the offsets follow."""
        before, self.checkpoint = self.checkpoint, dict(self.kept)
        for (pipeline, stream), (head, _) in self.checkpoint.items():
            if (pipeline, stream) in before and before[pipeline, stream][0] == head:
                continue
            kept = KeptMemory.read(head)
            assert kept is not None
            offsets = offsets_of(kept.position)
            elsewhere = {part: replace(at, note=f"{ELSEWHERE}{at.note}") for part, at in offsets.items()}
            self.broker.commit_offsets(f"{GROUP}-{pipeline}", elsewhere)

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
            settings = replace(self.settings, tick_s=0.0 if tick else NEVER_S)
            memory = found.restore(stream, entries)
            group, beside = f"{GROUP}-{pipeline.name}", self.pipelines
            self.live[name] = LiveStream(pipeline, self.broker, memory, settings, group, beside=beside)
        moment = self.live[name].work(0.0)
        if moment.records or moment.letters:
            self.broker.append([*moment.records, *moment.letters])
        if moment.states:
            entries = [*entries, found.changed(moment.states)]
        found.position = self.live[name].position
        self.kept[name] = (found.to_bytes(), entries)
        return not moment.idle
