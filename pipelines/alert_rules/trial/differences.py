"""What differs between the alerts that were expected at a time and those that there were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pipelines.alert_rules.trial.case import TIMES, Expectation
from schemas.safe_text import safe_text
from schemas.timestamps import format_timestamp, parse_timestamp

Alert = Mapping[str, Any]
_MOST_CHARACTERS: Final = 300


def differences(expected: Expectation, alerts: Sequence[Alert]) -> list[str]:
    """Return a sentence for each difference; none when all is as expected.

    Each expected alert must be there; each one that fires must be expected. Others that are pending or resolved may be.
    """
    left = [one for one in alerts if all(one.get(name) == value for name, value in expected.only.items())]
    missing = []
    for wanted in expected.alerts:
        found = next((one for one in left if not _unlike(wanted, one)), None)
        if found is None:
            missing.append(wanted)
        else:
            left.remove(found)
    said = []
    for wanted in missing:
        near = _nearest(wanted, left)
        if near is None:
            said.append(f"expected {_words(wanted)}, got no such alert")
        else:
            left.remove(near)
            unlike = ", ".join(
                f"{name} {_shown(near_value)} and not {_shown(value)}"
                for name, value, near_value in _unlike(wanted, near)
            )
            said.append(f"expected {_words(wanted)}, got it with {unlike}")
    said += [f"expected no other alert, got {_words(one)}" for one in left if one["state"] == "firing"]
    return [f"at {expected.said}: {sentence}" for sentence in said]


def _unlike(wanted: Alert, found: Alert) -> list[tuple[str, Any, Any]]:
    """Return what is asked of an alert and is otherwise: name, what was expected, what there is."""
    unlike = []
    for name, value in wanted.items():
        there = found.get(name)
        if name in ("labels", "annotations"):
            known = dict(there) if isinstance(there, dict) else {}
            unlike += [(f"{name}.{key}", one, known.get(key)) for key, one in value.items() if known.get(key) != one]
        elif name in TIMES:
            moment = parse_timestamp(str(there)) if there is not None else None
            if moment is None or format_timestamp(moment) != value:
                unlike.append((name, value, there))
        elif there != value:
            unlike.append((name, value, there))
    return unlike


def _nearest(wanted: Alert, left: Sequence[Alert]) -> Alert | None:
    """Return the alert that was probably meant: of the same rule and device, the one with the fewest differences."""
    same = [
        one for one in left if all(one.get(name) == wanted[name] for name in ("rule", "device_id") if name in wanted)
    ]
    same = same if {"rule", "device_id"} & set(wanted) else []
    return min(same, key=lambda one: (len(_unlike(wanted, one)), one["state"] == "resolved"), default=None)


def _words(alert: Alert) -> str:
    said = [str(alert.get("rule", "an alert"))]
    if alert.get("device_id") is not None:
        said.append(f"of {alert['device_id']}")
    said.append(str(alert["state"]))
    said += [str(alert[name]) for name in ("severity",) if alert.get(name) is not None]
    if alert.get("summary") is not None:
        said.append(f'"{alert["summary"]}"')
    return safe_text(" ".join(said), _MOST_CHARACTERS)


def _shown(value: object) -> str:
    return safe_text(str(value), _MOST_CHARACTERS) if isinstance(value, str) else repr(value)
