"""One model on one topic beside the reference on its card: figures counted, and compared when somebody asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from models.drift import Drift, label_drift, number_drift
from models.reference import Counts, Numbers, Reference, bins_of
from pipelines.drift.figures import FigureReader, numbers_in
from pipelines.pipeline import Pipeline


@dataclass
class Tally:
    """Counts by figure: of numbers in the ranges of the reference, of labels by name."""

    rows: int = 0
    numbers: dict[str, Counts] = field(default_factory=dict)
    labels: dict[str, Counter[str]] = field(default_factory=dict)

    def count(self, name: str, edges: tuple[float, ...], values: Numbers) -> None:
        """Count numbers."""
        found = np.bincount(bins_of(edges, values), minlength=len(edges) + 1)
        self.numbers[name] = self.numbers[name] + found if name in self.numbers else found

    def __add__(self, other: Tally) -> Tally:
        """Return the counts of both."""
        numbers = dict(self.numbers)
        for name, counts in other.numbers.items():
            numbers[name] = numbers[name] + counts if name in numbers else counts
        labels = {
            name: self.labels.get(name, Counter()) + other.labels.get(name, Counter())
            for name in self.labels.keys() | other.labels.keys()
        }
        return Tally(self.rows + other.rows, numbers, labels)


@dataclass(frozen=True)
class ModelDrift:
    """One model on one topic beside its reference; `data` is what the reference is made from, None without one."""

    model: str
    topic: str
    rows: int
    data: str | None
    reference_rows: int
    figures: tuple[Drift, ...]

    @property
    def drifted(self) -> tuple[str, ...]:
        """The figures that have drifted."""
        return tuple(one.figure for one in self.figures if one.level == "drifted")


@dataclass(frozen=True)
class Watched:
    """What one operator answers about rows of one topic. `reference` None: the model's card has none for it."""

    reader: FigureReader
    topic: str
    reference: Reference | None

    @property
    def model(self) -> str:
        """The identity of what answers."""
        return str(self.reader.operator.model.identity)

    def tally(self, batch: pa.RecordBatch, *, sampled: bool = False) -> Tally:
        """Count the figures of some rows; `sampled` looks at one text in sixteen where looking is dear."""
        tally = Tally(batch.num_rows)
        if self.reference is None or not batch.num_rows:
            return tally
        numbers, labels = self.reference.numbers, self.reference.labels
        for name, values in self.reader.read(batch, lambda name: name in numbers or name in labels, sampled=sampled):
            if name in numbers:
                tally.count(name, numbers[name].edges, numbers_in(values))
            elif name in labels:
                counts = values.drop_null().value_counts()
                found = zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
                tally.labels[name] = Counter(dict(found))
        return tally

    def drift(self, tally: Tally) -> ModelDrift:
        """Compare counts with the reference."""
        reference = self.reference
        if reference is None:
            return ModelDrift(self.model, self.topic, tally.rows, None, 0, ())
        nothing: Counter[str] = Counter()
        figures = [
            number_drift(name, one.counts, tally.numbers.get(name, np.zeros(len(one.counts), dtype=np.int64)))
            for name, one in reference.numbers.items()
        ]
        figures += [label_drift(name, one, tally.labels.get(name, nothing)) for name, one in reference.labels.items()]
        return ModelDrift(self.model, self.topic, tally.rows, reference.data, reference.rows, tuple(figures))


def watched(pipeline: Pipeline, references: Mapping[str, Reference] | None = None) -> list[Watched]:
    """Return what can be looked at in a pipeline: each operator with a model, on each of its source topics.

    `references` by topic take the place of those on the cards.
    """
    found: list[Watched] = []
    for source in pipeline.sources:
        schema = source.row_schema
        for operator in pipeline.operators:
            if (model := getattr(operator, "model", None)) is not None:
                own: Mapping[str, Reference] = model.card.reference if references is None else references
                reader = FigureReader.of(operator, schema)
                if reader.answers:
                    found.append(Watched(reader, source.name, own.get(source.name)))
            schema = operator.output_schema(schema)
    return found
