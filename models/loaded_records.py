"""A model of records in memory: the session, checked by golden records before it serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle, BundleRefused
from models.bundle_facts import read_facts
from models.golden import Example, check_golden
from models.record_columns import Column, encode, width_of
from models.session import RUNTIME_VERSION, load_session

FACTS = "records.json"
OUTPUTS = ("margins", "contributions")
FEWEST_ROWS = 2  # one row alone would run through other kernels than many do
DECIMALS = 6
MOST_CONTRIBUTIONS = 20


class RecordFacts(msgspec.Struct, frozen=True):
    """What a bundle for records knows beside its graph.

    `sources` names what contributions are about: columns, and pairs of them; `base_values` are the margins of a record
    of which nothing is known. With two labels there is one margin,
    for the last label, which is the answer from the probability `limit` on.
    """

    target: str
    labels: tuple[str, ...]
    columns: tuple[Column, ...]
    sources: tuple[str, ...]
    base_values: tuple[float, ...]
    limit: float = 0.5


@dataclass(frozen=True, slots=True)
class RecordAnswer:
    """The label of one record, every label's probability (six decimals), and what made it so.

    `contributions` are in log odds of the answered label, the largest first, at most twenty: along each tree's path
    what a split on that column moved. With the model's base value they add up to the label's margin.
    """

    label: str
    probabilities: tuple[float, ...]
    contributions: tuple[tuple[str, float], ...]

    def score(self, labels: Sequence[str]) -> float:
        """Return the probability of the answered label."""
        return self.probabilities[labels.index(self.label)]


class LoadedRecords:
    """Answers records. Thread-safe; an answer does not depend on the records beside it."""

    def __init__(self, bundle: Bundle) -> None:
        self.card = bundle.card
        self.identity = bundle.identity(RUNTIME_VERSION)
        self.facts = read_facts(bundle, FACTS, RecordFacts)
        # More threads would add up the trees in another order, and so give other last bits.
        self._session = load_session(bundle, 1)
        expected = bundle.card.inputs[0].shape[-1]
        if width_of(self.facts.columns) != expected:
            raise BundleRefused(
                f"model bundle {bundle.path}: {FACTS} makes {width_of(self.facts.columns)} numbers, "
                f"the graph reads {expected}"
            )

    def answer(self, records: Sequence[Mapping[str, object]]) -> list[RecordAnswer]:
        """Answer records; WrongValue when one of them has a value that its column cannot take."""
        if not records:
            return []
        margins, contributions = self.run(encode(self.facts.columns, records))
        chances = probabilities_of(margins)
        two = margins.shape[1] == 1
        chosen = (chances[:, 1] >= self.facts.limit).astype(np.int64) if two else chances.argmax(axis=1)
        by_margin = contributions.reshape(len(records), margins.shape[1], len(self.facts.sources))
        answers = []
        for row, label in enumerate(chosen.tolist()):
            # The other label of two has the odds turned round.
            of_label = by_margin[row, 0] * (1.0 if label else -1.0) if two else by_margin[row, label]
            answers.append(
                RecordAnswer(self.facts.labels[label], tuple(chances[row].tolist()), self._largest(of_label))
            )
        return answers

    def check(self, record: Mapping[str, object]) -> None:
        """Raise WrongValue when a record has a value that its column cannot take."""
        encode(self.facts.columns, [record])

    def run(self, values: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return margins (rows, margins) and contributions (rows, margins x sources) of encoded records."""
        rows = len(values)
        padded = np.pad(values, ((0, max(FEWEST_ROWS - rows, 0)), (0, 0)))
        margins, contributions = self._session.run(OUTPUTS, {"values": padded})
        return margins[:rows].astype(np.float64), contributions[:rows].astype(np.float64)

    def _largest(self, contributions: NDArray[np.float64]) -> tuple[tuple[str, float], ...]:
        rounded = np.round(contributions, DECIMALS)
        order = np.argsort(-np.abs(rounded), kind="stable")[:MOST_CONTRIBUTIONS]
        return tuple((self.facts.sources[i], float(rounded[i])) for i in order.tolist() if rounded[i] != 0.0)


def probabilities_of(margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return every label's probability, six decimals: softmax of the margins, or of 0 and a single one."""
    every = np.concatenate([np.zeros_like(margins), margins], axis=1) if margins.shape[1] == 1 else margins
    shares = np.exp(every - every.max(axis=1, keepdims=True))
    return np.asarray(np.round(shares / shares.sum(axis=1, keepdims=True), DECIMALS))


def golden_examples(loaded: LoadedRecords, examples: Sequence[Example]) -> list[dict[str, Any]]:
    """Return each example's `record` with what it is answered."""
    answers = loaded.answer([example["record"] for example in examples])
    return [
        {
            "record": dict(example["record"]),
            "label": answer.label,
            "probabilities": list(answer.probabilities),
            "contributions": dict(answer.contributions),
        }
        for example, answer in zip(examples, answers, strict=True)
    ]


def load_records(bundle: Bundle) -> LoadedRecords:
    """Load a bundle and ask it its golden records; BundleRefused unless each answer is the card's."""
    loaded = LoadedRecords(bundle)
    check_golden(bundle, "record", partial(golden_examples, loaded))
    return loaded
