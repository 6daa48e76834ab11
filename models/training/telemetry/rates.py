"""Print false alarms beside what was asked for: `python -m models.training.telemetry.rates [--series N] [--nab DIR]`.

Healthy generated series, one reading a minute for a month; and the Numenta benchmark, where what lies in the
probation, in a labelled window or in the hour behind one does not count. Each by readings: so many in 43,200 of them,
a month of a series that is read once a minute. An alarm ends when thirty readings have none.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.bundle import open_bundle
from models.find_bundle import find_bundle
from models.loaded_telemetry import LoadedTelemetry
from models.telemetry_model import READINGS_A_MONTH, SHIPPED_TELEMETRY_MODEL
from models.training.telemetry.measure import QUIET, episodes, judge
from models.training.telemetry.nab_corpus import Labelled, read_corpus, side_by_side
from models.training.telemetry.nab_rules import OUTSIDE
from models.training.telemetry.series import healthy

RATES: Final = (0.1, 1.0, 10.0)
BEHIND: Final = 12
"""Readings, five minutes apart: what is still odd in the hour behind a window belongs to it."""


def on_healthy(
    model: LoadedTelemetry, rates: Sequence[float] = RATES, series: int = 16, readings: int = READINGS_A_MONTH
) -> dict[str, list[float]]:
    """Return by family what each rate gave: false alarms a series and month."""
    families = healthy(readings, series, seed=3)
    values = np.concatenate([family.values for family in families], axis=1)
    found: dict[str, list[float]] = {family.name: [] for family in families}
    for rate in rates:
        counts = episodes(judge(model, values, alarm=rate / READINGS_A_MONTH)[0]).reshape(len(families), series)
        for family, count in zip(families, counts, strict=True):
            found[family.name].append(float(count.mean() * READINGS_A_MONTH / readings))
    return found


def on_benchmark(
    model: LoadedTelemetry, corpus: Sequence[Labelled], rates: Sequence[float] = RATES
) -> dict[str, list[float]]:
    """Return by group what each rate gave outside of the labelled windows: alarms in 43,200 readings."""
    values, gaps = side_by_side(corpus)
    counted = [_counted(one) for one in corpus]
    groups = list(dict.fromkeys(one.judged.group for one in corpus))
    found: dict[str, list[float]] = {group: [] for group in groups}
    for rate in rates:
        odd, _, _ = judge(model, values, gaps, alarm=rate / READINGS_A_MONTH)
        for group in groups:
            own = [i for i, one in enumerate(corpus) if one.judged.group == group]
            alarms = sum(_begun(odd[: len(counted[i]), i], counted[i]) for i in own)
            found[group].append(alarms * READINGS_A_MONTH / sum(int(counted[i].sum()) for i in own))
    return found


def _counted(one: Labelled) -> NDArray[np.bool_]:
    """Tell the readings that count: behind the probation, outside of windows and of the hour behind each."""
    counted = one.judged.counts.copy()
    for at in np.flatnonzero(one.judged.window != OUTSIDE):
        counted[at : at + 1 + BEHIND] = False
    return counted


def _begun(odd: NDArray[np.bool_], counted: NDArray[np.bool_]) -> int:
    """Count alarms that begin where they count; one that goes on from a window began there."""
    began, last = 0, -QUIET - 1
    for at in np.flatnonzero(odd):
        began += bool(at - last > QUIET and counted[at])
        last = int(at)
    return began


def table(found: dict[str, list[float]], rates: Sequence[float] = RATES) -> list[str]:
    """Return the rows of a table in Markdown."""
    head = ["| series | " + " | ".join(f"{rate:g}" for rate in rates) + " |", "|---" * (len(rates) + 1) + "|"]
    mean = [float(np.mean(column)) for column in zip(*found.values(), strict=True)]
    rows = [*found.items(), ("mean", mean)]
    return head + [f"| {name} | {' | '.join(f'{one:.2f}' for one in counts)} |" for name, counts in rows]


def main() -> None:
    """Print the tables that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m models.training.telemetry.rates", description=__doc__)
    parser.add_argument("--series", type=int, default=16, help="series of each family (default: 16)")
    parser.add_argument("--nab", type=Path, help="folder of the Numenta benchmark")
    arguments = parser.parse_args()
    model = LoadedTelemetry(open_bundle(find_bundle(SHIPPED_TELEMETRY_MODEL)), 1)
    print(*table(on_healthy(model, series=arguments.series)), sep="\n")
    if arguments.nab:
        print("", *table(on_benchmark(model, read_corpus(arguments.nab))), sep="\n")


if __name__ == "__main__":
    main()
