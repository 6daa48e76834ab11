"""Real log lines whose writers said how bad they are: does `abnormal` agree with them, the word hidden from it?

Of the systems of loghub (Zhu et al., 2023) in the folder of public sets, those count whose lines carry a level of both
kinds. Nothing is trained on them. The figure is the area under the ROC curve (Hanley and McNeil, 1982): 0.5 is a guess.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np

from models.training.encoder.rows import columns_of_heads
from models.training.text.corpus import log_text
from models.training.text.heads import HEADS

BAD = frozenset({"error", "fatal", "severe", "critical", "failure"})
WARNINGS = frozenset({"warn", "warning"})
GOOD = frozenset({"info", "notice", "debug"})


def area_under_roc(scores: np.ndarray, truth: np.ndarray) -> float:
    """Give the chance that a true row scores above a false one, ties half; nan where one kind is missing."""
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[places]
    good, bad = int((~truth).sum()), int(truth.sum())
    return float((ranks[truth].sum() - bad * (bad + 1) / 2) / (good * bad)) if good and bad else float("nan")


def agreement_by_system(datasets: Path, answer: Callable[[list[str]], np.ndarray]) -> dict[str, dict[str, float]]:
    """Give, by system, the area under the curve of ERROR and FATAL against INFO, and of WARN and worse against INFO.

    `answer` gives logits (texts, labels). Empty without the sets.
    """
    columns = columns_of_heads(HEADS)["abnormal"]
    found: dict[str, dict[str, float]] = {}
    for path in sorted((datasets / "logs" / "loghub_2k").glob("*/*_structured.csv")):
        with path.open(encoding="utf-8", errors="replace", newline="") as lines:
            rows = [
                (log_text(row.get("Component", ""), row["Content"]), row.get("Level")) for row in csv.DictReader(lines)
            ]
        levels = np.array([(level or "").lower() for _, level in rows])
        if not np.isin(levels, list(GOOD)).any() or not np.isin(levels, [*BAD, *WARNINGS]).any():
            continue
        logits = answer([text for text, _ in rows])[:, columns]
        scores = logits[:, HEADS["abnormal"].index("true")] - logits[:, HEADS["abnormal"].index("false")]
        figures = {"lines": float(len(rows))}
        for name, bad in (("errors_against_info", BAD), ("warnings_and_errors_against_info", BAD | WARNINGS)):
            kept = np.isin(levels, [*GOOD, *bad])
            area = area_under_roc(scores[kept], np.isin(levels[kept], list(bad)))
            if not np.isnan(area):
                figures[name] = round(area, 4)
        found[path.parent.name] = figures
    return found
