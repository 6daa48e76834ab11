"""A model of event sequences in memory: the sessions and tables, checked by golden sequences before it serves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle, BundleRefused
from models.bundle_facts import read_facts
from models.event_grams import BEGIN, END
from models.golden import Example, check_golden
from models.model_work import work_of
from models.sequence_facts import FACTS, JUDGE, Facts, Judge
from models.sequence_reasons import Normals, Reason
from models.session import RUNTIME_VERSION, GraphRefused, Session, load_session

INPUTS = ("gram", "contexts")
OUTPUT = "surprise"
FEWEST_ROWS = 2  # one row alone would run through other kernels than many do
DECIMALS = 6


@dataclass(frozen=True, slots=True)
class SequenceAnswer:
    """How odd one sequence is: `score` in [0, 1], six decimals; `because` is empty unless `is_anomaly`."""

    score: float
    is_anomaly: bool
    because: tuple[Reason, ...]


class LoadedSequences:
    """Judges whole sequences of events. Thread-safe; a sequence's answer does not depend on those beside it."""

    def __init__(self, bundle: Bundle) -> None:
        self.card = bundle.card
        self.identity = bundle.identity(RUNTIME_VERSION)
        self._facts = read_facts(bundle, FACTS, Facts)
        self._grams = self._facts.grams()
        self._normals = Normals(self._facts.normal)
        self._session = load_session(bundle, 1)
        self._judge: _Judge | None = None
        if self._facts.judge is not None:
            self._judge = _Judge(bundle, self._facts.judge)

    def answer(self, sequences: Sequence[Sequence[str]]) -> list[SequenceAnswer]:
        """Judge sequences of at least one event each."""
        if not sequences:
            return []
        encoded = [self._grams.encode(one) for one in sequences]
        if self._judge is None:
            surprises = self.surprises(encoded)
            scores = scores_of(surprises, self._facts)
            anomalies = surprises > self._facts.tail.limit
        else:
            scores = np.round(self._judge.probabilities(encoded), DECIMALS)
            anomalies = scores >= self._judge.limit
        return [
            SequenceAnswer(score, odd, tuple(self._normals.reasons(one)) if odd else ())
            for one, score, odd in zip(sequences, scores.tolist(), anomalies.tolist(), strict=True)
        ]

    def surprises(self, encoded: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """Return how surprising the most surprising step of each encoded sequence is, in nats."""
        steps = self._grams.steps(encoded)
        # A sequence has two steps at least, so no run has fewer rows.
        [surprise] = self._session.run((OUTPUT,), dict(zip(INPUTS, (steps.gram, steps.contexts), strict=True)))
        return np.asarray(np.maximum.reduceat(surprise, steps.starts[:-1]), dtype=np.float64)


def scores_of(surprises: NDArray[np.float64], facts: Facts) -> NDArray[np.float64]:
    """Return 1 - the share of normal sequences that are at least as surprising, six decimals."""
    tail = facts.tail
    share = np.interp(surprises, tail.surprise, tail.share)
    beyond = np.maximum(surprises - tail.surprise[-1], 0.0)
    return np.asarray(np.round(1.0 - share * np.exp(-beyond), DECIMALS), dtype=np.float64)


class _Judge:
    """Trees over counts of runs."""

    def __init__(self, bundle: Bundle, facts: Judge) -> None:
        self.limit = facts.limit
        self._columns = {run: i for i, run in enumerate(facts.runs)}
        if JUDGE not in bundle.files:
            raise BundleRefused(f"model bundle {bundle.path}: expected {JUDGE}, which {FACTS} speaks of, got none")
        try:
            work = work_of(bundle.identity(RUNTIME_VERSION))
            self._session = Session(bundle.files[JUDGE], bundle.card.runtime.optimization, 1, work)
        except GraphRefused as error:
            raise BundleRefused(f"model bundle {bundle.path}: {JUDGE}: {error}") from error

    def probabilities(self, encoded: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """Return the probability that each sequence is abnormal."""
        counts = counted_runs(encoded, self._columns)
        missing = max(FEWEST_ROWS - len(counts), 0)
        [margins] = self._session.run(("margins",), {"values": np.pad(counts, ((0, missing), (0, 0)))})
        margin = np.asarray(margins, dtype=np.float64)[: len(encoded), 0]
        return np.asarray(1.0 / (1.0 + np.exp(-margin)), dtype=np.float64)


def counted_runs(encoded: Sequence[Sequence[int]], columns: Mapping[tuple[int, ...], int]) -> NDArray[np.float32]:
    """Count, in each sequence, the runs that have a column, then all others, then the events: (rows, columns + 2)."""
    counts = np.zeros((len(encoded), len(columns) + 2), dtype=np.float32)
    others = len(columns)
    for row, sequence in enumerate(encoded):
        found = Counter([*((event,) for event in sequence), *pairwise((BEGIN, *sequence, END))])
        for run, times in found.items():
            counts[row, columns.get(run, others)] += times
        counts[row, -1] = len(sequence)
    return counts


def golden_examples(loaded: LoadedSequences, examples: Sequence[Example]) -> list[dict[str, Any]]:
    """Return each example's `events` with what they are answered."""
    return [
        {
            "events": list(example["events"]),
            "score": answer.score,
            "is_anomaly": answer.is_anomaly,
            "because": [[one.kind, one.event, one.at] for one in answer.because],
        }
        for example, answer in zip(examples, loaded.answer([one["events"] for one in examples]), strict=True)
    ]


def load_sequences(bundle: Bundle) -> LoadedSequences:
    """Load a bundle and ask it its golden sequences; BundleRefused unless each answer is the card's."""
    loaded = LoadedSequences(bundle)
    check_golden(bundle, "sequence", partial(golden_examples, loaded))
    return loaded
