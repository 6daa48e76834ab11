"""Compare two models on the same lines: which answers flip, which are right, how far scores move, how fast each is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from pipelines.bad_input import BadInput
from pipelines.judged_models import Judged, truths_of, unknown_labels
from pipelines.scoring.lines import Line
from pipelines.scoring.memory import Memory
from pipelines.scoring.scorer import Scorer
from pipelines.scoring.task import Asked, Chosen, Task

LINES_AT_ONCE = 512
MOST_EXAMPLES = 5
# What of an answer is a decision, by the members that answers have.
_DECISIONS = ("label", "is_anomaly")
_MOST_TEXT = 80


@dataclass
class Difference:
    """One answer of a task over all lines: how often it was given by both, flipped, and how far scores were apart."""

    compared: int = 0
    flipped: int = 0
    largest_score_change: float = 0.0
    flips: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: list[dict[str, object]] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Flipped answers of those compared, in [0, 1]."""
        return self.flipped / self.compared if self.compared else 0.0


@dataclass(frozen=True)
class Comparison:
    """How two models differ on some lines; `lines_per_s` of the first and of the second.

    `judged` has the answers for which lines bring labels, empty when none does.
    """

    lines: int
    unread: int
    answers: Mapping[str, Difference]
    lines_per_s: tuple[float, float]
    judged: Mapping[str, Judged]

    @property
    def largest_share(self) -> float:
        """The share of flips of the answer that flips most."""
        return max((one.share for one in self.answers.values()), default=0.0)

    @property
    def largest_loss(self) -> float:
        """By how much accuracy falls from the first model to the second, for the answer where it falls most."""
        return max((one.accuracy(0) - one.accuracy(1) for one in self.judged.values()), default=0.0)

    def holds(self, tolerance: float) -> bool:
        """Whether the second may take the first one's place: no accuracy falls by more than `tolerance`.

        Without labels nobody knows who is right; then no more than that share of any answer may flip.
        """
        return (self.largest_loss if self.judged else self.largest_share) <= tolerance + 1e-12


def compare_models(
    task: Task,
    models: tuple[Path, Path],
    lines: Sequence[Line],
    heads: tuple[Mapping[str, Sequence[str]], Mapping[str, Sequence[str]]] = ({}, {}),
) -> Comparison:
    """Score the lines with one model, then with the other; loading does not count as time.

    `heads` are the labels that each can answer. Raises BadInput for a line whose label one of them does not know.
    """
    scored, speeds = [], []
    for model in models:
        scorer = Scorer(task, Chosen(str(model.absolute()), {}), Asked(), Memory(task.name))
        began = time.perf_counter()
        written = [
            one
            for start in range(0, len(lines), LINES_AT_ONCE)
            for one in scorer.score(lines[start : start + LINES_AT_ONCE])
        ]
        speeds.append(len(lines) / max(time.perf_counter() - began, 1e-9))
        scored.append([orjson.loads(line) for line in written])
        # Where both are one model, the second must not live on the first one's remembered answers.
        del scorer
    answers: dict[str, Difference] = {}
    judged: dict[str, Judged] = {}
    unread = 0
    for line, one, other in zip(lines, *scored, strict=True):
        if "error" in one or "error" in other:
            unread += 1
            continue
        event = orjson.loads(line.data)
        text = next((str(event[name]) for name in ("text", "message", "metric") if event.get(name)), "")[:_MOST_TEXT]
        truths = truths_of(event, task)
        if unknown := unknown_labels(truths, heads):
            raise BadInput(f"line {line.number}: expected {unknown[0]}")
        for name, truth in truths.items():
            pair = _decision(one[name]), _decision(other[name])
            judged.setdefault(name, Judged()).add(line.number, text, truth, pair)
        for name in task.answers:
            decisions = _decision(one[name]), _decision(other[name])
            if decisions != (None, None):
                _note(answers.setdefault(name, Difference()), line, text, decisions, one[name], other[name])
    return Comparison(len(lines), unread, answers, (speeds[0], speeds[1]), judged)


def _decision(answer: object) -> str | None:
    """Return what an answer decides, as a text; None when it decides nothing."""
    if isinstance(answer, dict):
        for name in _DECISIONS:
            if name in answer:
                return str(answer[name]).lower() if isinstance(answer[name], bool) else str(answer[name])
    return None


def _score(answer: object) -> float:
    score = answer.get("score") if isinstance(answer, dict) else None
    return score if isinstance(score, float) else 0.0


def _note(
    seen: Difference, line: Line, text: str, decisions: tuple[str | None, str | None], one: object, other: object
) -> None:
    seen.compared += 1
    if decisions[0] == decisions[1]:
        seen.largest_score_change = max(seen.largest_score_change, round(abs(_score(one) - _score(other)), 6))
        return
    seen.flipped += 1
    before, after = (decision or "none" for decision in decisions)
    seen.flips[before, after] += 1
    if len(seen.examples) < MOST_EXAMPLES:
        seen.examples.append({"line": line.number, "text": text, "before": before, "after": after})
