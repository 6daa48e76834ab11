"""What a person does to an alert, as an event of the topic `alerts.actions`."""

from __future__ import annotations

from typing import Final

import orjson

from infra.broker import Broker
from pipelines.seen_event import time_text
from schemas.catalog import TOPICS
from schemas.record import Append

ACTIONS: Final = "alerts.actions"


class CannotAct(Exception):
    """This release has no topic for it."""


def acknowledge(broker: Broker, fingerprint: str, by: str, comment: str, now_us: int) -> dict[str, str]:
    """Say that somebody has taken over an alert; return the event. CannotAct where nothing would read it."""
    topic = TOPICS.get(ACTIONS)
    if topic is None:
        raise CannotAct("acknowledging alerts is not in this release")
    at = time_text(now_us)
    said = {
        "fingerprint": fingerprint,
        "event_time": at,
        "action": "acknowledge",
        "at": at,
        "by": by,
        "comment": comment,
    }
    event = {name: value for name, value in said.items() if name in topic.schema.names and value}
    broker.expect_topics([topic])
    broker.append([Append(topic.name, fingerprint.encode(), orjson.dumps(event))])
    return event
