"""Compare two models on the same lines: which answers flip, by how much scores move, and how fast each is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

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
    """How two models differ on some lines; `lines_per_s` of the first and of the second."""

    lines: int
    unread: int
    answers: Mapping[str, Difference]
    lines_per_s: tuple[float, float]

    @property
    def largest_share(self) -> float:
        """The share of flips of the answer that flips most."""
        return max((one.share for one in self.answers.values()), default=0.0)


def compare_models(task: Task, models: tuple[Path, Path], lines: Sequence[Line]) -> Comparison:
    """Score the lines with one model, then with the other; loading does not count as time."""
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
    unread = 0
    for line, one, other in zip(lines, *scored, strict=True):
        if "error" in one or "error" in other:
            unread += 1
            continue
        for name in task.answers:
            decisions = _decision(one[name]), _decision(other[name])
            if decisions != (None, None):
                _note(answers.setdefault(name, Difference()), line, decisions, one[name], other[name])
    return Comparison(len(lines), unread, answers, (speeds[0], speeds[1]))


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


def _note(seen: Difference, line: Line, decisions: tuple[str | None, str | None], one: object, other: object) -> None:
    seen.compared += 1
    if decisions[0] == decisions[1]:
        seen.largest_score_change = max(seen.largest_score_change, round(abs(_score(one) - _score(other)), 6))
        return
    seen.flipped += 1
    before, after = (decision or "none" for decision in decisions)
    seen.flips[before, after] += 1
    if len(seen.examples) < MOST_EXAMPLES:
        event = orjson.loads(line.data)
        text = next((str(event[name]) for name in ("text", "message", "metric") if event.get(name)), "")
        seen.examples.append({"line": line.number, "text": text[:_MOST_TEXT], "before": before, "after": after})
