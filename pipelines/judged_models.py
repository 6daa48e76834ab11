"""Hold the answers of two models to labels that people gave: who is right how often, and which lines changed sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipelines.scoring.task import Task

MOST_EXAMPLES = 5
Pair = tuple[str | None, str | None]


@dataclass
class Judged:
    """One answer of a task over the lines that have a label for it, for a first and a second model."""

    truths: list[str] = field(default_factory=list)
    answers: list[Pair] = field(default_factory=list)
    # (line, text, truth, first answer, second answer) of lines that only the first, and only the second got right.
    lost: list[dict[str, object]] = field(default_factory=list)
    won: list[dict[str, object]] = field(default_factory=list)

    def accuracy(self, which: int) -> float:
        """Share of right answers of the first (0) or second (1) model; 0 without lines."""
        right = sum(pair[which] == truth for pair, truth in zip(self.answers, self.truths, strict=True))
        return right / len(self.truths) if self.truths else 0.0

    def f1(self, which: int) -> dict[str, float]:
        """F1 of each label that occurs among the truths."""
        given = [pair[which] for pair in self.answers]
        found = {}
        for label in sorted(set(self.truths)):
            hits = sum(one == label == truth for one, truth in zip(given, self.truths, strict=True))
            found[label] = 2 * hits / (given.count(label) + self.truths.count(label))
        return found

    def macro_f1(self, which: int) -> float:
        """Mean F1 over those labels."""
        scores = list(self.f1(which).values())
        return sum(scores) / len(scores) if scores else 0.0

    def add(self, line: int, text: str, truth: str, pair: Pair) -> None:
        """Note one line."""
        self.truths.append(truth)
        self.answers.append(pair)
        right = pair[0] == truth, pair[1] == truth
        if right[0] != right[1]:
            example = {"line": line, "text": text, "truth": truth, "before": pair[0], "after": pair[1]}
            (self.lost if right[0] else self.won).append(example)


def truths_of(event: Mapping[str, object], task: Task) -> dict[str, str]:
    """Return the labels that a line brings, by answer.

    They stand under `expected` ({"expected": {"topic": "command"}}), under the name of the answer itself where the task
    does not read that member, or under `label` for a task of one answer.
    """
    told = event.get("expected")
    found = dict(told) if isinstance(told, dict) else {}
    for name in task.answers:
        if name not in task.reads and name in event:
            found.setdefault(name, event[name])
    if len(task.answers) == 1 and "label" in event:
        found.setdefault(task.answers[0], event["label"])
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in found.items()
        if name in task.answers and isinstance(value, str | bool)
    }


def unknown_labels(truths: Mapping[str, str], heads: Sequence[Mapping[str, Sequence[str]]]) -> list[str]:
    """Say which labels a model cannot answer, each as a sentence's end; empty when all can be."""
    return [
        f"{name} one of {', '.join(head[name])}; got {truth!r}"
        for name, truth in truths.items()
        for head in heads
        if name in head and truth not in head[name]
    ]
