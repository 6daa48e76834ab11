"""The work on one stream as an engine drives it: of one topic, or merged of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from infra.broker import Stream, TopicPartition
from pipelines.engines.merged_task import MergedTask
from pipelines.engines.stream_task import StreamTask
from pipelines.engines.work import Worker

Task: TypeAlias = StreamTask | MergedTask
Ticks: TypeAlias = Mapping[TopicPartition, Sequence[tuple[int, int]]]


def task_of(worker: Worker, stream: Stream, ticks: Ticks) -> Task:
    """Return the task of a stream, which begins where its group stands; `ticks` are read again."""
    if worker.pipeline.merge:
        return MergedTask(worker, stream, ticks=ticks)
    return StreamTask(worker, stream, ticks=ticks.get(stream.parts[0], ()))


def take_step(task: Task) -> tuple[bool, bool]:
    """Take a step; return whether there was one, and whether the stream is still quiet behind it.

    One that follows another's time is quiet while that stands still, whatever it reads.
    """
    reached_us = task.frontier_us
    stepped = task.step()
    return stepped, not stepped or (task.follows and task.frontier_us == reached_us)
