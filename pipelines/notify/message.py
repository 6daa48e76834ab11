"""The words of a notification: made once, when it is decided, and sent as they are however often it is tried.

A webhook gets what Alertmanager's webhooks send (version 4), and a member `hubbub` with the title, text and reason, so
what reads those reads ours. Alertmanager gets the alerts of its API v2. A chat or e-mail gets a title and lines.
Source: Alertmanager's documentation, "webhook_config"; its openapi.yaml, postableAlerts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson
import re2

from pipelines.notify.alert import Alert, safe_labels
from pipelines.notify.book import Known, Notification, Reason
from pipelines.notify.plan import Receiver
from pipelines.notify.sentences import Part, Sentences, worst_first
from pipelines.seen_event import time_text
from pipelines.words.languages import translation_to
from schemas.identity import identity
from schemas.safe_text import safe_text
from schemas.severity import SEVERITIES

MOST_NAMED: Final = 40
"""Alerts that a webhook names; how many more there are stands beside them."""
_NO_LABEL: Final = re2.compile(r"[^a-zA-Z0-9_]")


def notification_of(
    receiver: Receiver, reason: Reason, parts: Sequence[Part], groups: tuple[str, ...], now_us: int, step: int = 0
) -> Notification:
    """Put one notification about some groups into words."""
    id_ = identity("notification", receiver.name, reason, step, now_us, *groups)
    told = [known for _, _, contents in parts for known in contents.telling]
    sentences = Sentences(translation_to(receiver.language))
    title = sentences.title(reason, parts, now_us)
    if receiver.kind == "alertmanager":
        body: object = [one for part in parts for one in _for_alertmanager(part, groups, now_us, sentences)]
    elif receiver.kind == "webhook":
        body = _for_webhook(id_, receiver, reason, title, parts, sentences)
    else:
        lines = [title, *sentences.lines(parts)]
        body = {"title": lines[0], "body": "\n".join(lines[1:]), "type": _apprise_type(told)}
    text = orjson.dumps(body).decode()
    return Notification(id_, receiver.name, reason, groups, now_us, len(told), title, text, step)


def _for_webhook(
    id_: str, receiver: Receiver, reason: Reason, title: str, parts: Sequence[Part], sentences: Sentences
) -> dict[str, Any]:
    found = worst_first(parts)
    named = found[:MOST_NAMED]
    alerts = [_webhook_alert(known.alert, sentences) for known in named]
    firing = sum(known.alert.firing for known in found)
    return {
        "version": "4",
        "groupKey": parts[0][0].route if len(parts) > 1 else f"{parts[0][0].route}:{_pairs(parts[0][0].labels)}",
        "truncatedAlerts": len(found) - len(named),
        "status": "firing" if firing else "resolved",
        "receiver": receiver.name,
        "groupLabels": safe_labels(parts[0][0].labels) if len(parts) == 1 else {},
        "commonLabels": _common([one["labels"] for one in alerts]),
        "commonAnnotations": _common([one["annotations"] for one in alerts]),
        "externalURL": "",
        "alerts": alerts,
        "hubbub": {
            "id": id_,
            "reason": reason,
            "title": title,
            "text": "\n".join(sentences.lines(parts)),
            "groups": len(parts),
            "firing": firing,
            "resolved": len(found) - firing,
        },
    }


def _webhook_alert(alert: Alert, sentences: Sentences) -> dict[str, Any]:
    return {
        "status": "firing" if alert.firing else "resolved",
        "labels": safe_labels(alert.labels),
        "annotations": sentences.annotations(alert),
        "startsAt": time_text(alert.opened_us),
        # As Alertmanager writes "it has not ended".
        "endsAt": "0001-01-01T00:00:00Z" if alert.firing else time_text(alert.resolved_us or alert.updated_us),
        "generatorURL": "",
        "fingerprint": safe_text(alert.fingerprint, 64),
    }


def _for_alertmanager(
    part: Part, groups: tuple[str, ...], now_us: int, sentences: Sentences
) -> Iterable[dict[str, Any]]:
    """Give what is posted of each alert; it ends by itself, lest it stay for ever if we die.

    A severity is a label there, and other labels are another alert: what was told with another severity is ended.
    """
    _, route, contents = part
    until_us = now_us + 2 * route.repeat_interval_us
    for known in contents.telling:
        alert = known.alert
        told = next((known.told[id_].tried or known.told[id_].done for id_ in groups if id_ in known.told), 0)
        before = SEVERITIES[6 - told] if told else alert.severity
        if before != alert.severity and alert.labels.get("severity") == alert.severity:
            yield _postable(alert, before, now_us, sentences)
            if not alert.firing:
                continue
        ends_us = until_us if alert.firing else alert.resolved_us or now_us
        yield _postable(alert, alert.severity, ends_us, sentences)


def _postable(alert: Alert, severity: str, ends_us: int, sentences: Sentences) -> dict[str, Any]:
    labels = {**alert.labels, **({"severity": severity} if alert.labels.get("severity") == alert.severity else {})}
    safe = {_NO_LABEL.sub("_", name): value for name, value in safe_labels(labels).items() if name and value}
    return {
        "labels": safe,
        "annotations": {_NO_LABEL.sub("_", name): text for name, text in sentences.annotations(alert).items() if name},
        "startsAt": time_text(min(alert.opened_us, ends_us)),
        "endsAt": time_text(ends_us),
    }


def _common(objects: Sequence[Mapping[str, str]]) -> dict[str, str]:
    if not objects:
        return {}
    return {name: text for name, text in objects[0].items() if all(one.get(name) == text for one in objects)}


def _apprise_type(told: Sequence[Known]) -> str:
    worst = max((known.level for known in told), default=0)
    return "success" if worst == 0 else "failure" if worst >= 5 else "warning"  # 5: major


def _pairs(labels: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'{name}="{safe_text(value)}"' for name, value in labels.items()) + "}"
