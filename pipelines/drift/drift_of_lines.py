"""Drift of a file of JSON lines, and a reference made from one: through the same operators as `hubbub score`."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from models.reference import Numbers, Reference, reference_of
from pipelines.bad_input import BadInput
from pipelines.drift.figures import VALUE_OF, numbers_in
from pipelines.drift.watched import ModelDrift, Tally, Watched, watched
from pipelines.scoring.lines import Line, LineReader
from pipelines.scoring.memory import Memory
from pipelines.scoring.scorer import Scorer
from pipelines.scoring.task import TASKS, Asked, Chosen
from schemas.strict_json import DEFAULT_LIMITS

LINES_AT_ONCE = 1_000
# A device may have any number of metrics; of so many the values are kept, the most frequent of the first lines.
MOST_METRICS = 50


def drift_of_lines(task: str, model: Path, file: Path, against: Path | None = None) -> ModelDrift:
    """Compare the lines of a file with the reference on the model's card, or with another file's lines.

    BadInput when the card has no reference for what the task reads, or no line has an answer.
    """
    tallies: list[Tally] = []
    references = None
    if against is not None:
        references = {TASKS[task].topic.name: reference_of_lines(task, model, against)}
    one = _through(task, model, file, references, lambda watched, batch: tallies.append(watched.tally(batch)))
    if one.reference is None:
        raise BadInput(
            f"{model}: the card has no reference for {one.topic}; name lines to compare with by --against, or make a "
            "bundle that has one with `hubbub models reference`"
        )
    return one.drift(sum(tallies, Tally()))


def reference_of_lines(task: str, model: Path, file: Path) -> Reference:
    """Count what the lines of a file, and the model's answers about them, are like."""
    numbers: dict[str, list[Numbers]] = defaultdict(list)
    labels: dict[str, list[str]] = defaultdict(list)
    rows = 0

    def wanted(name: str) -> bool:
        return not name.startswith(VALUE_OF) or name in numbers or _metrics(numbers) < MOST_METRICS

    def take(one: Watched, batch: pa.RecordBatch) -> None:
        nonlocal rows
        rows += batch.num_rows
        for name, values in one.reader.read(batch, wanted):
            if pa.types.is_string(values.type):
                labels[name] += values.drop_null().to_pylist()
            else:
                numbers[name].append(numbers_in(values))

    _through(task, model, file, None, take)
    return reference_of(f"{file.name}", rows, {name: np.concatenate(parts) for name, parts in numbers.items()}, labels)


def _metrics(numbers: dict[str, list[Numbers]]) -> int:
    return sum(name.startswith(VALUE_OF) for name in numbers)


def _through(
    task: str,
    model: Path,
    file: Path,
    references: dict[str, Reference] | None,
    take: Callable[[Watched, pa.RecordBatch], None],
) -> Watched:
    """Answer a file's lines and give each batch to `take`; return what was watched."""
    seen: list[pa.RecordBatch] = []
    scorer = Scorer(TASKS[task], Chosen(str(model.absolute()), {}), Asked(), Memory(task), seen.append)
    [one] = watched(scorer.pipeline, references)
    rows = 0
    for lines in _batches(file):
        scorer.score(lines)
        for batch in seen:
            rows += batch.num_rows
            take(one, batch)
        seen.clear()
    if not rows:
        raise BadInput(f"{file}: expected lines that `hubbub score {task}` answers, found none")
    return one


def _batches(file: Path) -> Iterator[list[Line]]:
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}") from error
    try:
        yield from LineReader(descriptor, DEFAULT_LIMITS.bytes).batches(LINES_AT_ONCE)
    finally:
        os.close(descriptor)
