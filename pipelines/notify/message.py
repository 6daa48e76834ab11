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

from pipelines.duration import duration_text
from pipelines.notify.alert import Alert, safe_labels
from pipelines.notify.book import Group, Known, Notification, Reason
from pipelines.notify.chat_text import chat_text
from pipelines.notify.contents import Contents
from pipelines.notify.plan import Receiver, Route
from pipelines.seen_event import time_text
from schemas.identity import identity
from schemas.safe_text import safe_text
from schemas.severity import SEVERITIES

MOST_NAMED: Final = 40
"""Alerts that a webhook names; how many more there are stands beside them."""
MOST_LINES: Final = 15
"""Alerts that a chat names."""

Part = tuple[Group, Route, Contents]
_NO_LABEL: Final = re2.compile(r"[^a-zA-Z0-9_]")


def notification_of(
    receiver: Receiver, reason: Reason, parts: Sequence[Part], groups: tuple[str, ...], now_us: int, step: int = 0
) -> Notification:
    """Put one notification about some groups into words."""
    id_ = identity("notification", receiver.name, reason, step, now_us, *groups)
    told = [known for _, _, contents in parts for known in contents.telling]
    title = _title(reason, parts, now_us)
    if receiver.kind == "alertmanager":
        body: object = [one for part in parts for one in _for_alertmanager(part, groups, now_us)]
    elif receiver.kind == "webhook":
        body = _for_webhook(id_, receiver, reason, title, parts)
    else:
        lines = [title, *_lines(parts)]
        body = {"title": lines[0], "body": "\n".join(lines[1:]), "type": _apprise_type(told)}
    text = orjson.dumps(body).decode()
    return Notification(id_, receiver.name, reason, groups, now_us, len(told), title, text, step)


def _title(reason: Reason, parts: Sequence[Part], now_us: int) -> str:
    firing = [known for _, _, contents in parts for known in contents.firing]
    over = [known for _, _, contents in parts for known in contents.resolved]
    if reason == "digest":
        worst = f", worst: {chat_text(_worst(parts)[0].alert.summary, 120)}" if firing else ""
        return f"DIGEST of {len(parts):,} groups: {len(firing):,} firing, {len(over):,} resolved{worst}"
    if len(firing) + len(over) == 1:
        [one] = firing or over
        what = chat_text(one.alert.summary, 160)
        severity = one.alert.severity.upper()
        if not firing:
            return f"RESOLVED: {what}"
        if reason == "escalation":
            return f"{severity}, nobody acknowledged since {_clock(one.alert.opened_us)}: {what}"
        still = f"still, for {duration_text(now_us - one.alert.opened_us)}" if reason == "repeat" else ""
        return f"{severity}{f' {still}' if still else ''}: {what}"
    about = ", ".join(f"{chat_text(name, 40)}={chat_text(value, 60)}" for name, value in parts[0][0].labels.items())
    counts = f"{len(firing):,} firing, {len(over):,} resolved" if over else f"{len(firing):,} firing"
    if not firing:
        counts = f"RESOLVED, all {len(over):,}"
    said = {"escalation": "nobody acknowledged: ", "repeat": "still "}.get(reason, "")
    return f"{said}{counts}{f': {about}' if about else ''}"


def _lines(parts: Sequence[Part]) -> list[str]:
    """Return a line for each alert, the worst first, and how many more there are."""
    found = _worst(parts)
    lines = [_line(known) for known in found[:MOST_LINES]]
    if len(found) > MOST_LINES:
        lines.append(f"... and {len(found) - MOST_LINES:,} more")
    runbooks = dict.fromkeys(one.alert.annotations.get("runbook_url", "") for one in found[:MOST_LINES])
    return [*lines, *(f"runbook: {safe_text(url, 300)}" for url in runbooks if url)]


def _line(known: Known) -> str:
    alert = known.alert
    state = alert.severity if alert.firing else "resolved"
    taken = ", acknowledged" if alert.firing and known.is_acknowledged else ""
    count = f" ({alert.count:,} events{taken})" if alert.count > 1 or taken else ""
    return f"- {state}, since {_clock(alert.opened_us)}: {chat_text(alert.summary)}{count}"


def _for_webhook(id_: str, receiver: Receiver, reason: Reason, title: str, parts: Sequence[Part]) -> dict[str, Any]:
    found = _worst(parts)
    named = found[:MOST_NAMED]
    alerts = [_webhook_alert(known.alert) for known in named]
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
            "text": "\n".join(_lines(parts)),
            "groups": len(parts),
            "firing": firing,
            "resolved": len(found) - firing,
        },
    }


def _webhook_alert(alert: Alert) -> dict[str, Any]:
    return {
        "status": "firing" if alert.firing else "resolved",
        "labels": safe_labels(alert.labels),
        "annotations": _annotations(alert),
        "startsAt": time_text(alert.opened_us),
        # As Alertmanager writes "it has not ended".
        "endsAt": "0001-01-01T00:00:00Z" if alert.firing else time_text(alert.resolved_us or alert.updated_us),
        "generatorURL": "",
        "fingerprint": safe_text(alert.fingerprint, 64),
    }


def _for_alertmanager(part: Part, groups: tuple[str, ...], now_us: int) -> Iterable[dict[str, Any]]:
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
            yield _postable(alert, before, now_us)
            if not alert.firing:
                continue
        yield _postable(alert, alert.severity, until_us if alert.firing else alert.resolved_us or now_us)


def _postable(alert: Alert, severity: str, ends_us: int) -> dict[str, Any]:
    labels = {**alert.labels, **({"severity": severity} if alert.labels.get("severity") == alert.severity else {})}
    safe = {_NO_LABEL.sub("_", name): value for name, value in safe_labels(labels).items() if name and value}
    return {
        "labels": safe,
        "annotations": {_NO_LABEL.sub("_", name): text for name, text in _annotations(alert).items() if name},
        "startsAt": time_text(min(alert.opened_us, ends_us)),
        "endsAt": time_text(ends_us),
    }


def _annotations(alert: Alert) -> dict[str, str]:
    others = {safe_text(name, 64): safe_text(text, 1000) for name, text in alert.annotations.items()}
    return {**others, "summary": safe_text(alert.summary, 500)}


def _worst(parts: Sequence[Part]) -> list[Known]:
    found = [known for _, _, contents in parts for known in (*contents.firing, *contents.resolved)]
    return sorted(found, key=lambda one: (-one.level, one.alert.opened_us, one.alert.fingerprint))


def _common(objects: Sequence[Mapping[str, str]]) -> dict[str, str]:
    if not objects:
        return {}
    return {name: text for name, text in objects[0].items() if all(one.get(name) == text for one in objects)}


def _apprise_type(told: Sequence[Known]) -> str:
    worst = max((known.level for known in told), default=0)
    return "success" if worst == 0 else "failure" if worst >= 5 else "warning"  # 5: major


def _pairs(labels: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'{name}="{safe_text(value)}"' for name, value in labels.items()) + "}"


def _clock(time_us: int) -> str:
    return f"{time_text(time_us)[:16].replace('T', ' ')}Z"
