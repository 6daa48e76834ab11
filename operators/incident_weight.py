"""How much evidence is enough: weights of signals, and what they come to together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from operators.incident_memory import Signal

ENOUGH: Final = 0.8
# Weight of an alert that fired, and of one that is pending, by severity: critical, major, minor, warning.
_FIRED: Final = {
    "alarm": (1.5, 1.2, 0.6, 0.4),
    "message": (0.7, 0.6, 0.5, 0.4),
    "log": (0.8, 0.7, 0.6, 0.5),
    "telemetry": (0.45, 0.45, 0.45, 0.45),
}
_PENDING: Final = {
    "alarm": (0.4, 0.3, 0.2, 0.1),
    "message": (0.3, 0.25, 0.2, 0.2),
    "log": (0.6, 0.5, 0.4, 0.3),
    "telemetry": (0.15, 0.15, 0.15, 0.15),
}
# Of each kind of evidence of one device the strongest counts in full, the others a part; and readings alone are never
# enough, however many: a machine that changes its way of working changes all its readings.
_REPEATED: Final = 0.3
_MOST: Final = {"alarm": 2.0, "message": 1.0, "log": 1.2, "telemetry": 0.6}
_NEIGHBOUR: Final = 0.7


def weight_of(signal: Signal) -> float:
    """Return the weight of one signal; what is indeterminate or cleared has none."""
    table = _FIRED if signal.fired else _PENDING
    weights = table[signal.kind]
    return weights[signal.severity] if signal.severity < len(weights) else 0.0


def weight_together(signals: Iterable[Signal]) -> float:
    """Return what signals of related devices weigh together: the heaviest device in full, its neighbours in part."""
    by_device: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    kinds = set()
    for signal in signals:
        by_device[signal.device_id][signal.kind].append(weight_of(signal))
        kinds.add(signal.kind)
    devices = sorted((_of_device(kinds_of) for kinds_of in by_device.values()), reverse=True)
    total = devices[0] + _NEIGHBOUR * sum(devices[1:]) if devices else 0.0
    return min(total, _MOST["telemetry"]) if kinds == {"telemetry"} else total


def _of_device(kinds: dict[str, list[float]]) -> float:
    total = 0.0
    for kind, weights in kinds.items():
        strongest = max(weights)
        total += min(strongest + _REPEATED * (sum(weights) - strongest), _MOST[kind])
    return total
