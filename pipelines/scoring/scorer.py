"""Score lines: each batch of lines through the operators of a pipeline, one line out for each line in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa

from operators.collect_answers import answer_column
from pipelines.engines.isolation import run_isolated
from pipelines.engines.partition_reader import NEVER, TimeRules
from pipelines.engines.state_rows import StateRows
from pipelines.pipeline import Pipeline
from pipelines.scoring.answers import json_answers
from pipelines.scoring.lines import Line
from pipelines.scoring.memory import Memory
from pipelines.scoring.output_line import answered_line, error_line
from pipelines.scoring.probabilities import WithProbabilities
from pipelines.scoring.rows import Event, rows_of
from pipelines.scoring.stream_time import StreamTime
from pipelines.scoring.task import Asked, Chosen, Task
from schemas.columns_from_json import kind_of
from schemas.refused import Refused
from schemas.strict_json import DEFAULT_LIMITS, parse_json

# How often, in lines, memory that has outlived its time is looked for.
FORGET_EVERY_LINES = 10_000
Seen: TypeAlias = Callable[[pa.RecordBatch], None]


class Scorer:
    """Answers the lines of one stream in order; where the stream is cut into batches changes nothing.

    The operators are run by the same step as in a job, so a row that fails costs one row. `seen` is given the answered
    rows of each batch, for who counts them.
    """

    def __init__(self, task: Task, chosen: Chosen, asked: Asked, memory: Memory, seen: Seen | None = None) -> None:
        operators = task.operators(chosen, asked)
        self.refused = 0
        self._task = task
        self._asked = asked
        self._memory = memory
        self.pipeline = Pipeline(f"score-{task.name}", [task.topic], operators, [task.topic])
        self._seen = seen
        self._labels = next((one.model.heads for one in operators if isinstance(one, WithProbabilities)), {})
        self._columns = [answer_column(task.topic, answer) for answer in task.answers]
        self._time = StreamTime(NEVER if memory.high_us is None else memory.high_us)
        self._since_forgetting = 0

    def save(self, path: Path) -> None:
        """Write to a file what is remembered of the lines so far."""
        self._memory.save(path, self._time.high_us)

    def score(self, lines: Sequence[Line]) -> list[bytes]:
        """Return the output of each line, in order; when it raises, nothing is remembered of them."""
        before = self._time.high_us
        try:
            return self._scored(lines)
        except BaseException:
            self._time.high_us = before
            raise

    def _scored(self, lines: Sequence[Line]) -> list[bytes]:
        written: dict[int, bytes] = {}
        events: list[Event] = []
        places: list[int] = []
        for place, line in enumerate(lines):
            try:
                events.append(event_of(line))
                places.append(place)
            except Refused as refused:
                written[place] = error_line({}, refused, line.number)
        numbers = [lines[place].number for place in places]
        batch, good, faults = rows_of(self._task.topic, self._task.reads, events, numbers, self._time)
        answers, failures = self._answers(batch)
        faults |= {good[row]: failure for row, failure in failures.items()}
        for row, answer in answers.items():
            written[places[good[row]]] = answered_line(events[good[row]], self._task.answers, answer)
        for index, fault in faults.items():
            written[places[index]] = error_line(events[index], fault, numbers[index])
        self.refused += len(lines) - len(answers)
        self._forget(len(lines))
        return [written[place] for place in range(len(lines))]

    def _answers(self, batch: pa.RecordBatch) -> tuple[dict[int, list[object]], dict[int, Refused]]:
        """Return by row of the batch the answers, and the refusals of rows that an operator could not process."""
        if not batch.num_rows:
            return {}, {}
        states = StateRows(self.pipeline.keyed, self._memory.load)
        result, states = run_isolated(self.pipeline, self._task.topic, batch, states, None)
        self._memory.apply(states.changes())
        if self._seen is not None:
            for part in result.outputs:
                self._seen(part)
        failures = {row: Refused(error.code, "INFER", error.message) for row, error in result.failures.items()}
        answered = (row for row in range(batch.num_rows) if row not in failures)
        found = [one for part in result.outputs for one in json_answers(part, self._columns, self._labels, self._asked)]
        return dict(zip(answered, found, strict=True)), failures

    def _forget(self, lines: int) -> None:
        self._since_forgetting += lines
        if self._since_forgetting >= FORGET_EVERY_LINES and self._time.high_us != NEVER:
            self._since_forgetting = 0
            self._memory.forget(self._time.high_us - TimeRules().lateness_us)


def event_of(line: Line) -> Event:
    """Read the JSON object of a line; Refused says why there is none."""
    if line.size > DEFAULT_LIMITS.bytes:
        raise Refused("too_large", "DECODE", f"expected at most {DEFAULT_LIMITS.bytes} bytes, got {line.size}")
    event = parse_json(line.data)
    if not isinstance(event, dict):
        raise Refused("schema", "SCHEMA", f"expected a JSON object, got {kind_of(event)}")
    return event
