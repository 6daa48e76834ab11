"""What people say of alerts, as rows to learn from: one for each episode that was judged, or one for each text of it.

The last verdict on an episode holds. A row is complete in itself, for it outlives the alert and its events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from infra.broker import Broker
from pipelines.latest_records import latest_records
from schemas.alert_feedback import ALERTS_FEEDBACK, FEEDBACK, VERDICTS

Event = Mapping[str, Any]
_OF_EVIDENCE: Final = (
    "text", "template", "label", "score", "metric", "value", "expected_low", "expected_high", "model",
)  # fmt: skip


def feedback_row(alert: Event, action: Event) -> dict[str, Any]:
    """Return the row for a verdict on an alert: what was said, and what it was said of."""
    kept = {name: alert[name] for name in FEEDBACK.names if alert.get(name) is not None}
    said = {name: action[name] for name in ("alert_id", "event_time", "fingerprint", "by")}
    optional = {name: action[name] for name in ("text", "should_be") if action.get(name)}
    return kept | said | {"verdict": action["action"]} | optional


def feedback_of(broker: Broker) -> list[Event]:
    """Return the last verdict on each episode, by time; what is no feedback is left out."""
    found = [one.event for one in latest_records(broker, ALERTS_FEEDBACK.name) if one.event is not None]
    return sorted(found, key=lambda event: (str(event["event_time"]), str(event["alert_id"])))


def labelled_row(event: Event) -> dict[str, Any]:
    """Return one flat row for a judged episode: `hubbub train records` learns `verdict` from it.

    With `device_id`, `from`, `until` and `kind` the right ones are labels for `hubbub replay --labels`, too. `text`,
    `score`, `value` and their like are those of the evidence with the highest score, null where there is none.
    """
    strongest = _strongest(event.get("evidence"))
    return {
        "verdict": event["verdict"],
        "should_be": event.get("should_be"),
        "device_id": event["device_id"],
        "from": event["opened_at"],
        "until": event.get("resolved_at") or event["updated_at"],
        "rule": event["rule"],
        "severity": event["severity"],
        "category": event.get("category"),
        "count": event.get("count"),
        "kind": event.get("should_be") or event.get("category"),
        "source": strongest.get("kind"),
        **{name: strongest.get(name) for name in _OF_EVIDENCE},
        "alert_id": event["alert_id"],
        "fingerprint": event["fingerprint"],
        "judged_at": event["event_time"],
        "by": event["by"],
        "comment": event.get("text"),
    }


def labelled_texts(events: Iterable[Event]) -> Iterator[dict[str, str]]:
    """Give each text that a judged alert rests on once with its label: what it should have been, else what was right.

    A text whose right label nobody said is left out; of two people who disagree the later one holds.
    """
    labels: dict[str, str] = {}
    for event in events:
        for piece in _pieces(event.get("evidence")):
            text = piece.get("text")
            label = event.get("should_be") or (piece.get("label") if event["verdict"] == VERDICTS[1] else None)
            if isinstance(text, str) and text.strip() and isinstance(label, str):
                labels.pop(text, None)
                labels[text] = label
    for text, label in labels.items():
        yield {"text": text, "label": label}


def _strongest(evidence: object) -> Event:
    return max(_pieces(evidence), key=_score, default={})


def _score(piece: Event) -> float:
    score = piece.get("score")
    return float(score) if isinstance(score, int | float) else -1.0


def _pieces(evidence: object) -> Iterator[Event]:
    return (one for one in evidence if isinstance(one, dict)) if isinstance(evidence, list) else iter(())
