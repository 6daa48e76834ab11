"""Signals: what one change of an alert says, as correlation needs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from operators.incident_memory import Sight, Signal
from operators.incident_places import family_of
from schemas.severity import SEVERITIES

MOST_SIGHTS: Final = 8
_RANK: Final = {name: rank for rank, name in enumerate(SEVERITIES)}


def signal_of(row: Mapping[str, Any]) -> Signal:
    """Return the signal of a located row with an alert; its times are integers, microseconds."""
    evidence = row["evidence"] or []
    kind = next((one["kind"] for one in evidence if one["kind"]), "log")
    severity = _RANK[row["severity"]]
    sights = [
        Sight(_us(one["event_time"]), one["event_id"], row["device_id"], kind, row["alert_id"], severity, _text(one))
        for one in evidence[:MOST_SIGHTS]
    ]
    return Signal(
        alert_id=row["alert_id"],
        device_id=row["device_id"],
        kind=kind,
        severity=severity,
        family=family_of(row["category"]),
        category=row["category"],
        opened_at=_us(row["opened_at"]),
        updated_at=_us(row["updated_at"]),
        count=row["count"],
        fired=row["fired_at"] is not None,
        open=row["state"] != "resolved",
        text=row["summary"],
        room=row["room"],
        sights=sights,
    )


def has_han(text: str | None) -> bool:
    """Whether a text is written with Chinese characters, for the language of who writes.

    >>> has_han("网络断了"), has_han("no network")
    (True, False)
    """
    return text is not None and any("\u4e00" <= character <= "\u9fff" for character in text)


def _text(evidence: Mapping[str, Any]) -> str | None:
    if evidence["text"]:
        return str(evidence["text"])
    metric, value = evidence["metric"], evidence["value"]
    if metric is None:
        seen: str | None = evidence["template"] or evidence["label"]
        return seen
    low, high = evidence["expected_low"], evidence["expected_high"]
    said = str(metric) if value is None else f"{metric} {value:.4g}"
    return said if low is None or high is None else f"{said} ({low:.4g} ... {high:.4g})"


def _us(moment: Any) -> int:  # noqa: ANN401 - a datetime of Arrow's
    return int(moment)
