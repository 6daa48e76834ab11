"""An alert and its evidence in words: what a person needs to see why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pipelines.demo.heard import Alert
from schemas.safe_text import safe_text

NAMES = {"telemetry": "reading", "log": "log", "message": "message", "alarm": "alarm"}
"""What each kind of evidence is called."""


def clock(time_us: int) -> str:
    """Write the time of day: the demo's day begins at midnight UTC."""
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%H:%M")


def span(seconds: float) -> str:
    """Write a span as a person says it.

    >>> span(40), span(1500), span(9000)
    ('40 s', '25 min', '2 h 30 min')
    """
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def what_it_saw(alert: Alert) -> str:
    """Return what the event said that made the alert fire."""
    evidence = alert.first["evidence"][-1]
    if evidence["kind"] == "telemetry":
        value = "no value" if evidence["value"] is None else f"{evidence['value']:g}"
        return f"{safe_text(evidence['metric'] or '', 40)} is {value}, {_odd(evidence)}"
    text = safe_text(evidence["text"] or "", 160)
    return f"“{text}”" if evidence["kind"] == "message" else text


def why(alert: Alert) -> str:
    """Return what counted in it: the kind of evidence, category, score, words, and how many events there were."""
    row, evidence = alert.first, alert.first["evidence"][-1]
    category = (row["category"] or "").replace("_", " ")
    match evidence["kind"]:
        case "telemetry":
            said = [(evidence["label"] or "").replace("_", " "), _scored("anomaly", evidence)]
        case "message":
            said = [category, _scored(f"urgency {evidence['label']}", evidence)]
        case "log":
            said = [category, _scored("abnormal", evidence)]
        case _:
            said = [safe_text(dict(row["labels"]).get("code") or "", 24), category]
    words = [safe_text(word, 24) for word in (evidence["words"] or [])[:2]]
    if words:
        said.append("because of " + ", ".join(words))
    if row["count"] > 1:
        said.append(f"{row['count']} since {clock(alert.opened_us)}")
    return f"{NAMES[evidence['kind']]}: " + " · ".join(part for part in said if part)


def _odd(evidence: dict[str, Any]) -> str:
    """Say in what a reading is odd: outside of what was expected, or part of something slower."""
    value, low, high = evidence["value"], evidence["expected_low"], evidence["expected_high"]
    if None not in (value, low, high) and not low <= value <= high:
        return f"expected {low:.4g} to {high:.4g}"
    return {
        "drift": "it drifts from its usual level",
        "level_shift": "its level has shifted",
        "stuck": "it does not move any more",
        "season": "which is unusual for this time of day or week",
        "noise": "it swings more than usual",
    }.get(evidence["label"], "which is unusual")


def _scored(what: str, evidence: dict[str, Any]) -> str:
    score = evidence["score"]
    return what if score is None else f"{what} {score:.2f}"
