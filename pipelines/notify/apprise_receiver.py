"""Chats and e-mail through apprise (extra `alerts`): Slack, Teams, DingTalk, WeCom, Feishu, SMTP and a hundred more.

One URL of apprise's says which service and with which token, so it is a secret as a whole. What apprise says when it
fails is told on only where none of the URL's parts occurs in it.
"""

from __future__ import annotations

import io
import logging
import threading
from typing import Final

import orjson
import re2

from infra.settings import WrongSetting
from pipelines.notify.book import Notification
from pipelines.notify.notify_file import Address
from pipelines.notify.receivers import Send, Tried
from schemas.safe_text import safe_text

_PARTS: Final = re2.compile(r"[A-Za-z0-9_.~-]{4,}")


def apprise_sender(address: Address) -> Send:
    """Return how an apprise URL is sent to; WrongSetting where apprise does not know it."""
    try:
        import apprise  # noqa: PLC0415 - of an extra, and slow to import
    except ImportError as error:
        raise ImportError("receivers of the kind apprise need hubbub[alerts]", name="apprise") from error

    url = address.url.reveal()
    service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if service is None:
        schema = url.partition("://")[0]
        raise WrongSetting(
            f"expected a URL that apprise knows from {address.url!r}, got one of {safe_text(schema, 20)}://; "
            "its documentation lists them"
        )

    def send(notification: Notification, now_s: float) -> Tried:
        content = orjson.loads(notification.body)
        said = io.StringIO()
        listener = logging.StreamHandler(said)
        listener.setLevel(logging.WARNING)
        logger = logging.getLogger("apprise")
        thread = threading.get_ident()  # apprise has one logger for all receivers
        listener.addFilter(lambda record: record.thread == thread)
        logger.addHandler(listener)
        try:
            arrived = service.notify(
                title=content["title"],
                body=content["body"] or content["title"],
                notify_type=apprise.NotifyType(content["type"]),
                body_format=apprise.NotifyFormat.TEXT,
            )
        finally:
            logger.removeHandler(listener)
        if arrived:
            return Tried()
        return Tried(_without_secrets(said.getvalue(), url) or "the service refused it or could not be reached")

    return send


def _without_secrets(text: str, url: str) -> str:
    """Return what was said, or nothing where it names a part of the URL."""
    schema, _, rest = url.partition("://")
    parts = set(_PARTS.findall(rest)) - {schema}
    return "" if any(part in text for part in parts) else safe_text(text, 200)
