"""How often the detector alarms on healthy series, and how soon on faulty ones."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.loaded_telemetry import LoadedTelemetry
from models.telemetry_model import MONTHLY
from models.training.telemetry.series import FAULTS, Values, healthy, with_fault

READINGS_A_MONTH = 43_200
QUIET = 30  # readings without an alarm that end an episode
SOON = 600  # readings after its begin in which a fault must be found


def judge(
    model: LoadedTelemetry, values: Values, seconds: Values | float = 60.0, alarm: float = MONTHLY
) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.float64]]:
    """Run series side by side, values (readings, series), not a number where one has ended; is_anomaly, kind, score."""
    states = np.zeros((values.shape[1], model.state_width))
    odd = np.zeros(values.shape, dtype=bool)
    kinds = np.zeros(values.shape, dtype=np.int64)
    scores = np.zeros(values.shape)
    gaps = np.broadcast_to(np.asarray(seconds, dtype=np.float64), values.shape)
    for i, row in enumerate(values):
        there = np.isfinite(row)
        answers = model.step(np.where(there, row, 0.0), gaps[i].copy(), states, alarm)
        states = np.where(there[:, None], answers.states, states)
        odd[i], kinds[i], scores[i] = answers.is_anomaly & there, answers.kind, answers.score
    return odd, np.where(odd, kinds, 0), scores


def episodes(odd: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count by series the alarms that follow `QUIET` readings without one."""
    counts = np.zeros(odd.shape[1], dtype=np.int64)
    last = np.full(odd.shape[1], -QUIET - 1)
    for i, row in enumerate(odd):
        counts += row & (i - last > QUIET)
        last = np.where(row, i, last)
    return counts


def false_alarms(model: LoadedTelemetry, months: float = 1.0, series: int = 4) -> dict[str, float]:
    """Return episodes a series and month for each family of healthy series."""
    families = healthy(int(READINGS_A_MONTH * months), series)
    odd, _, _ = judge(model, np.concatenate([family.values for family in families], axis=1))
    counts = episodes(odd).reshape(len(families), series)
    return {family.name: float(count.mean() / months) for family, count in zip(families, counts, strict=True)}


def faults_found(model: LoadedTelemetry, series: int = 8, before: int = 4000) -> dict[str, Any]:
    """Return by fault and family: the share found soon, the median delay in readings, and the first kind said."""
    found: dict[str, Any] = {}
    families = healthy(before + SOON, series, seed=2)
    for fault in FAULTS:
        values = np.concatenate([with_fault(family, fault, before) for family in families], axis=1)
        odd, kinds, _ = judge(model, values)
        odd, kinds = odd[before:], kinds[before:]
        first = odd.argmax(axis=0)
        said = kinds[first, np.arange(odd.shape[1])]
        for i, family in enumerate(families):
            own = slice(i * series, (i + 1) * series)
            hit = odd[:, own].any(axis=0)
            names = Counter(model.kinds[kind] for kind in said[own][hit])
            found.setdefault(fault, {})[family.name] = {
                "found": float(hit.mean()),
                "delay": float(np.median(first[own][hit])) if hit.any() else None,
                "kind": names.most_common(1)[0][0] if names else None,
            }
    return found
