"""A test notification: whether a receiver can be reached, before an alert finds out that it cannot."""

from __future__ import annotations

from pipelines.notify.alert import Alert
from pipelines.notify.book import Group, Known, Notification
from pipelines.notify.contents import Contents
from pipelines.notify.message import notification_of
from pipelines.notify.plan import Receiver, Route
from pipelines.words.languages import translation_to


def trial_notification(receiver: Receiver, now_us: int) -> Notification:
    """Return a notification of an alert that says it is a test."""
    labels = {"alertname": "hubbub_notify_try", "severity": "indeterminate"}
    summary = translation_to(receiver.language).say("a test by `hubbub notify try`")
    alert = Alert("try", f"try-{now_us}", 1, labels, "indeterminate", summary, now_us, now_us)
    contents = Contents([Known(alert)], [], [Known(alert)], True)
    return notification_of(
        receiver, "firing", [(Group("try", labels), Route("try", receiver.name), contents)], (), now_us
    )
