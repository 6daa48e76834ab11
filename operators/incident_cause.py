"""What an incident comes from: its kind of trouble, the device taken for the cause, and what that explains."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from operators.incident_memory import Incident, Signal
from operators.incident_places import SPREADING, Neighbours
from operators.incident_weight import weight_of

# So many devices that hang on one, or about which customers report the same, are no chance.
CROWD: Final = 3


def explains(signals: Iterable[Signal], signal: Signal, neighbours: Neighbours) -> bool:
    """Whether trouble that has spread to many devices may be why one of them shows this.

    A failed network makes a freezer say that it cannot report, not that it is warm: that is the freezer's own trouble.
    Among fewer devices nothing is ruled out.
    """
    signals = list(signals)
    for family in SPREADING:
        touched = {one.device_id for one in signals if one.family == family}
        if len(touched) < CROWD:
            continue
        if signal.family == family or (signal.family is None and signal.kind != "telemetry"):
            return True
        return neighbours.holds_any(signal.device_id, touched, signal.updated_at)
    return True


def main_family(incident: Incident) -> str | None:
    """Return the kind of trouble that weighs most in an incident."""
    weights: dict[str, float] = {}
    for signal in incident.signals.values():
        if signal.family is not None:
            weights[signal.family] = weights.get(signal.family, 0.0) + weight_of(signal)
    return min(weights, key=lambda family: (-weights[family], family), default=None)


def spreads(incident: Incident) -> bool:
    """Whether the trouble is of a kind that spreads along what hangs on what."""
    return any(signal.family in SPREADING for signal in incident.signals.values())


def cause_of(incident: Incident, neighbours: Neighbours) -> str:
    """Return the device that is taken for the cause: the one that most others hang on, else the first that showed."""
    by_device: dict[str, int] = {}
    for signal in incident.signals.values():
        at = by_device.get(signal.device_id)
        by_device[signal.device_id] = signal.opened_at if at is None else min(at, signal.opened_at)
    below = dict.fromkeys(by_device, 0)
    silent: dict[str, int] = {}
    for device_id in by_device:
        for above in neighbours.ancestors(device_id, incident.updated_at):
            if above in below:
                below[above] += 1
            else:
                silent[above] = silent.get(above, 0) + 1
    most = max(below.values())
    if most > 0:
        return min((at, one) for one, at in by_device.items() if below[one] == most)[1]
    if len(by_device) >= 3:
        # All hang on one device that says nothing: the nearest such is what they have in common.
        common = [one for one, count in silent.items() if count == len(by_device)]
        if common and spreads(incident):
            return max(common, key=lambda one: (len(neighbours.ancestors(one, incident.updated_at)), one))
    return min((at, one) for one, at in by_device.items())[1]
