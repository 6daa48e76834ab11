"""What people did to alerts: acknowledged, commented, judged them. Written as events, joined where it is shown.

An action belongs to one episode of an alert: the one that its `alert_id` names, else the one that was open at its time.
Actions on an episode are told in the order of (time, id), so whoever joins them gets the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from infra.broker import Broker
from pipelines.alert_feedback import feedback_row
from pipelines.bad_input import BadInput
from pipelines.records_in_order import Places, begin_of, end_of, records_in_order
from pipelines.seen_event import SeenEvent, see, time_text
from schemas.alert_actions import ALERTS_ACTIONS
from schemas.alert_feedback import ALERTS_FEEDBACK, VERDICTS
from schemas.record import Append
from schemas.topic import Topic

MOST_TEXT: Final = 2000
MOST_NAME: Final = 200
MOST_COMMENTS: Final = 100
"""So many of the last comments are shown of one alert."""

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """What was done to one episode: who acknowledged it, if somebody did; what was said; the last verdict on it."""

    acknowledged_at: str | None = None
    acknowledged_by: str | None = None
    comments: tuple[Mapping[str, str], ...] = ()
    verdict: Event | None = None


def write_action(
    broker: Broker, alert: Event, action: str, *, by: str, text: str, now_us: int, should_be: str = ""
) -> Event:
    """Write what somebody did to an alert, and return the event.

    A verdict is written twice in one transaction: as an action, which people see beside the alert for as long as
    records are kept, and as a row of feedback, which is kept to learn from. It needs the whole alert.
    """
    if action == "comment" and not text.strip():
        raise BadInput("expected words in a comment, got none")
    if len(text) > MOST_TEXT:
        raise BadInput(f"expected a comment of at most {MOST_TEXT:,} characters, got {len(text):,}")
    if len(should_be) > MOST_NAME:
        raise BadInput(f"expected a label of at most {MOST_NAME} characters, got {len(should_be):,}")
    if should_be.strip() and action not in VERDICTS:
        raise BadInput(f"expected a label that would have been right only beside a verdict, got one beside {action!r}")
    event = {
        "fingerprint": alert["fingerprint"],
        "event_time": time_text(now_us),
        "action": action,
        "alert_id": alert["alert_id"],
        "by": by.strip()[:MOST_NAME] or "somebody",
        **({"text": text.strip()} if text.strip() else {}),
        **({"should_be": should_be.strip()} if should_be.strip() else {}),
    }
    topics, records = [ALERTS_ACTIONS], [_append(ALERTS_ACTIONS, event)]
    if action in VERDICTS:
        topics.append(ALERTS_FEEDBACK)
        records.append(_append(ALERTS_FEEDBACK, feedback_row(alert, event)))
    broker.expect_topics(topics)
    broker.append(records)
    return event


def actions_of(broker: Broker, ends: Places | None = None) -> dict[str, list[Event]]:
    """Return all actions that are kept, or those before `ends`, by fingerprint, in order."""
    topic = ALERTS_ACTIONS.name
    until = end_of(broker, topic) if ends is None else ends
    return actions_in(see(records_in_order(broker, begin_of(broker, topic), until)))


def actions_in(seen: Iterable[SeenEvent]) -> dict[str, list[Event]]:
    """Return the actions among records, by fingerprint, in order; what is no action is left out."""
    found: dict[str, list[Event]] = {}
    add_actions(found, seen)
    return found


def add_actions(known: dict[str, list[Event]], seen: Iterable[SeenEvent]) -> set[str]:
    """Add the actions among records to those that are known; return the fingerprints of what they are about."""
    about: set[str] = set()
    for one in seen:
        if one.event is not None and one.problem is None:
            fingerprint = str(one.event["fingerprint"])
            known.setdefault(fingerprint, []).append(one.event)
            about.add(fingerprint)
    for fingerprint in about:
        known[fingerprint].sort(key=lambda event: (str(event["event_time"]), str(event["event_id"])))
    return about


def actions_on(alert: Event, actions: Sequence[Event]) -> list[Event]:
    """Return those of the actions on an alert's fingerprint that are about this episode."""
    return [action for action in actions if _is_about(alert, action)]


def standing_of(alert: Event, actions: Sequence[Event]) -> Standing:
    """Return how an alert stands after the actions on its fingerprint."""
    at = by = verdict = None
    comments = []
    for action in actions_on(alert, actions):
        if action["action"] == "acknowledge":
            # Whoever was first took it over.
            at, by = at or str(action["event_time"]), by or str(action["by"])
        elif action["action"] == "unacknowledge":
            at = by = None
        elif action["action"] in VERDICTS:
            verdict = action
        if action.get("text"):
            comments.append({name: str(action[name]) for name in ("event_time", "by", "action", "text")})
    return Standing(at, by, tuple(comments[-MOST_COMMENTS:]), verdict)


def joined(alert: Event, actions: Mapping[str, Sequence[Event]]) -> dict[str, Any]:
    """Return an alert with what people did to it, where they did.

    Adds `acknowledged_at`, `acknowledged_by`, `comments`, `verdict`, `judged_by`.
    """
    standing = standing_of(alert, actions.get(str(alert.get("fingerprint")), ()))
    event = dict(alert)
    if standing.acknowledged_at is not None:
        event |= {"acknowledged_at": standing.acknowledged_at, "acknowledged_by": standing.acknowledged_by}
    if standing.comments:
        event["comments"] = list(standing.comments)
    if standing.verdict is not None:
        event |= {"verdict": str(standing.verdict["action"]), "judged_by": str(standing.verdict["by"])}
    return event


def _append(topic: Topic, event: Event) -> Append:
    return Append(topic.name, str(event[topic.key]).encode(), orjson.dumps(event))


def _is_about(alert: Event, action: Event) -> bool:
    if action.get("alert_id") is not None:
        return bool(action["alert_id"] == alert.get("alert_id"))
    at, resolved = str(action["event_time"]), alert.get("resolved_at")
    return str(alert.get("opened_at")) <= at and (resolved is None or at < str(resolved))
