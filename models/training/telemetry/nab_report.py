"""Print how the detector does on the Numenta benchmark: `python -m models.training.telemetry.nab_report DIR`.

By profile, by group and by left-out group, beside a windowed Gaussian and a detector that finds nothing. Left out
means: the threshold that judges a group is the best one of the other groups; with `--choose` the margins of records are
chosen anew without it, too (some minutes).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import open_bundle
from models.find_bundle import find_bundle
from models.loaded_telemetry import LoadedTelemetry
from models.telemetry_model import SHIPPED_TELEMETRY_MODEL
from models.training.telemetry.measure import judge
from models.training.telemetry.nab_corpus import Labelled, read_corpus, side_by_side
from models.training.telemetry.nab_margins import choose, factors_of, judge_margins
from models.training.telemetry.nab_rules import PROFILES, Result, best_result, result_at
from models.training.telemetry.records import MARGINS
from models.training.telemetry.windowed_gaussian import windowed_gaussian

Scores = list[NDArray[np.float64]]


def scores_of(model: LoadedTelemetry, corpus: Sequence[Labelled]) -> Scores:
    """Return each series' scores, all series side by side."""
    values, gaps = side_by_side(corpus)
    _, _, scores = judge(model, values, gaps)
    return [scores[: len(one.values), i] for i, one in enumerate(corpus)]


def left_out(corpus: Sequence[Labelled], scores: Scores, profile: str = "standard") -> tuple[float, dict[str, Result]]:
    """Judge each group by the threshold that is best on the others; return the score of all together and each one's."""
    found = {}
    for group in dict.fromkeys(one.judged.group for one in corpus):
        own, others = (
            [i for i, one in enumerate(corpus) if (one.judged.group == group) is mine] for mine in (True, False)
        )
        threshold = best_result([corpus[i].judged for i in others], [scores[i] for i in others], PROFILES[profile])
        mine = [corpus[i].judged for i in own], [scores[i] for i in own]
        found[group] = result_at(*mine, PROFILES[profile], threshold.threshold)
    return together(found, profile), found


def together(groups: dict[str, Result], profile: str) -> float:
    """Return the score of a corpus from those of its groups; that of a group without windows is a raw gain."""
    of_100 = PROFILES[profile].found + PROFILES[profile].missed
    raw = sum(one.score * one.windows * of_100 / 100.0 if one.windows else one.score for one in groups.values())
    return 100.0 * raw / (of_100 * sum(one.windows for one in groups.values()))


def report(corpus: Sequence[Labelled], scores: Scores, name: str) -> None:
    """Print one detector's results."""
    judged = [one.judged for one in corpus]
    for profile, weights in PROFILES.items():
        best, alone = best_result(judged, scores, weights), left_out(corpus, scores, profile)[0]
        print(
            f"{name:18} {profile:18} {best.score:6.1f}  {best.found} of {best.windows} windows, "
            f"{best.false_positives} false, threshold {best.threshold:.6f}; left out {alone:.1f}"
        )
    threshold = best_result(judged, scores, PROFILES["standard"]).threshold
    out = left_out(corpus, scores)[1]
    for group in out:
        own = [i for i, one in enumerate(corpus) if one.judged.group == group]
        here = result_at([judged[i] for i in own], [scores[i] for i in own], PROFILES["standard"], threshold)
        print(f"  {group:24} {_told(here)}; left out {_told(out[group])}")


def _told(one: Result) -> str:
    score = f"{one.score:6.1f}" if one.windows else f"{one.score:6.2f} raw"
    return f"{score} ({one.found} of {one.windows}, {one.false_positives} false)"


def figures(model: LoadedTelemetry, corpus: Sequence[Labelled]) -> dict[str, Any]:
    """Return for the card, by profile, the score at the best threshold and that at the threshold of other groups."""
    scores, judged = scores_of(model, corpus), [one.judged for one in corpus]
    return {
        profile: {
            "score": round(best_result(judged, scores, weights).score, 1),
            "left_out": round(left_out(corpus, scores, profile)[0], 1),
        }
        for profile, weights in PROFILES.items()
    }


def margins_left_out(corpus: Sequence[Labelled]) -> None:
    """Print what margins chosen on the other groups do on each group, every event a detection."""
    factors = factors_of(corpus)
    shipped = judge_margins(corpus, factors, MARGINS, PROFILES["standard"])
    print(f"the shipped margins, every event a detection: {_told(shipped)}")
    found = {}
    for group in dict.fromkeys(one.judged.group for one in corpus):
        own, others = (
            [i for i, one in enumerate(corpus) if (one.judged.group == group) is mine] for mine in (True, False)
        )
        margins = choose([corpus[i] for i in others], [factors[i] for i in others], MARGINS)
        mine = [corpus[i] for i in own], [factors[i] for i in own]
        found[group] = judge_margins(*mine, margins, PROFILES["standard"])
        print(f"  {group:24} {_told(found[group])} with {', '.join(f'{one:.4g}' for one in margins)}")
    print(f"margins chosen without the group they judge: {together(found, 'standard'):.1f}")


def main() -> None:
    """Report on the corpus that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m models.training.telemetry.nab_report", description=__doc__)
    parser.add_argument("corpus", type=Path, help="folder with data/ and labels/")
    parser.add_argument("--bundle", type=Path, default=find_bundle(SHIPPED_TELEMETRY_MODEL), help="the detector")
    parser.add_argument("--choose", action="store_true", help="choose margins without each group, too")
    arguments = parser.parse_args()
    corpus = read_corpus(arguments.corpus)
    report(corpus, scores_of(LoadedTelemetry(open_bundle(arguments.bundle), 1), corpus), "records")
    report(corpus, [windowed_gaussian(one.values) for one in corpus], "windowed Gaussian")
    report(corpus, [np.full(len(one.values), 0.5) for one in corpus], "null")
    if arguments.choose:
        margins_left_out(corpus)


if __name__ == "__main__":
    main()
