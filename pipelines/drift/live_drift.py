"""Drift of a running job: the last rows of each model and topic, counted behind each committed step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from pipelines.drift.watched import ModelDrift, Tally, Watched, watched
from pipelines.engines.step_watch import Step
from pipelines.pipeline import Pipeline

WINDOW_ROWS = 2_000


@dataclass
class Recent:
    """The last `window` to twice as many rows: a window that is full and the one being filled.

    Windows are cut by rows alone, so where batches are cut changes nothing.
    """

    watched: Watched
    window: int = WINDOW_ROWS
    full: Tally = field(default_factory=Tally)
    filling: Tally = field(default_factory=Tally)

    def take(self, batch: pa.RecordBatch) -> None:
        """Count rows."""
        begin = 0
        while begin < batch.num_rows:
            part = batch.slice(begin, self.window - self.filling.rows)
            filled = self.filling + self.watched.tally(part, sampled=True)
            begin += part.num_rows
            if filled.rows >= self.window:
                self.full, filled = filled, Tally()
            self.filling = filled

    def drift(self) -> ModelDrift:
        """Compare what is counted with the reference."""
        return self.watched.drift(self.full + self.filling)


class LiveDrift:
    """A StepWatch: what the models of a job have met and said lately. Any thread may ask.

    A pipeline belongs to one thread, which tells of its steps.
    """

    def __init__(self, pipelines: Sequence[Pipeline]) -> None:
        """Nothing is counted yet; models need not be loaded."""
        self._recent: dict[tuple[str, str], list[Recent]] = {}
        for pipeline in pipelines:
            for one in watched(pipeline):
                self._recent.setdefault((pipeline.name, one.topic), []).append(Recent(one))

    def tell(self, step: Step) -> None:
        """Count the rows that a step made of those of its topics."""
        if step.error is not None:
            return
        for batch in (one for one in step.outputs if one.num_rows):
            topics = [topic.name for topic in step.pipeline.sources]
            if len(topics) > 1:  # the outputs of one topic's rows are batches of their own
                topics = batch.column("origin").field("topic").slice(0, 1).to_pylist()
            for recent in self._recent.get((step.pipeline.name, topics[0]), ()):
                recent.take(batch)

    def told(self) -> list[ModelDrift]:
        """Return how things stand, for models that have answered."""
        found = (recent for of_topic in list(self._recent.values()) for recent in of_topic)
        return [recent.drift() for recent in found if recent.full.rows or recent.filling.rows]
