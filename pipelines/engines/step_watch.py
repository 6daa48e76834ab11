"""Who wants to know of each step: the port by which logs and traces are told. It changes nothing that a step makes.

A step has a name of 32 hex digits that follows from what it did, so the same step done again, after a crash or in a
replay, has it again: it serves as a trace id, in logs whether somebody collects traces or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from schemas.identity import identity

if TYPE_CHECKING:
    import pyarrow as pa

    from infra.broker import Offset, Stream, TopicPartition
    from pipelines.engines.dead_letter import Failure
    from pipelines.engines.stage_times import Interval
    from pipelines.engines.work import Segment
    from pipelines.pipeline import Pipeline
    from schemas.record import Record

_current: ContextVar[str] = ContextVar("hubbub_step", default="")


@dataclass(frozen=True, slots=True)
class Step:
    """One step that was committed, or failed with an `error`: what it read, what it made, when it was at what.

    `outputs` have the columns `event_id`, `traceparent`, `tracestate` and `_cause` beside their own.
    """

    id: str
    pipeline: Pipeline
    group: str
    stream: Stream
    segments: Sequence[Segment]
    outputs: Sequence[pa.RecordBatch]
    failed: Sequence[tuple[TopicPartition, Record, Failure]]
    intervals: Sequence[Interval]
    error: BaseException | None = None


class StepWatch(Protocol):
    """Is told of each step when it is over, by the thread that did it: it must be quick, and raise nothing."""

    def tell(self, step: Step) -> None:
        """Take note of a step."""
        ...


@dataclass(frozen=True)
class Watches:
    """Several watches as one."""

    all: Sequence[StepWatch]

    def tell(self, step: Step) -> None:
        """Tell each of them."""
        for one in self.all:
            one.tell(step)


def step_id(group: str, stream: Stream, offsets: Mapping[TopicPartition, Offset], watermark_us: int | None) -> str:
    """Name a step by whose it is and what it commits."""
    places = [f"{part}@{offset.next_offset}" for part, offset in sorted(offsets.items(), key=lambda one: str(one[0]))]
    return identity("step", group, stream.name, *places, "" if watermark_us is None else watermark_us)


@contextmanager
def in_step(name: str) -> Iterator[None]:
    """Say that this thread is at a step, for whatever is logged meanwhile."""
    token = _current.set(name)
    try:
        yield
    finally:
        _current.reset(token)


def current_step() -> str:
    """Return the name of the step that this thread is at; empty outside of any."""
    return _current.get()
