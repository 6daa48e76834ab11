"""Receivers: how a notification is sent, and what an answer means. Each is tried again as it was, word for word.

A webhook is signed as Standard Webhooks has it: `webhook-id`, `webhook-timestamp` and `webhook-signature`, which is
`v1,` and base64 of HMAC-SHA256 over "ID.TIMESTAMP.BODY". `Idempotency-Key` is the same id, under the name that most
frameworks know. Source: Standard Webhooks 1.0.0, "Signature scheme"; Alertmanager's API v2.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from infra.http_post import PostFailed, post
from pipelines.notify.book import Notification
from pipelines.notify.notify_file import Address
from pipelines.version import VERSION
from schemas.safe_text import safe_text

_AGAIN: Final = frozenset({408, 425, 429})
"""Statuses below 500 after which trying again may help."""
_MOST_PAUSE_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one try. `error` is empty when it arrived; `for_good`: trying again will not help."""

    error: str = ""
    for_good: bool = False
    pause_s: float = 0.0  # how long the receiver asked to be left alone


Send = Callable[[Notification, float], Tried]
"""Sends one notification at a time of day (seconds since 1970)."""


def sender_to(address: Address) -> Send:
    """Return how this receiver is sent to. ImportError when apprise is needed and not installed."""
    if address.kind == "apprise":
        from pipelines.notify.apprise_receiver import apprise_sender  # noqa: PLC0415 - of an extra

        return apprise_sender(address)
    return lambda notification, now_s: _post(address, notification, now_s)


def signature(secret: str, id_: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`. A secret that begins with `whsec_` is base64 behind it."""
    key = secret.encode()
    if secret.startswith("whsec_"):
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            key = secret.encode()
    digest = hmac.new(key, b"%b.%d.%b" % (id_.encode(), timestamp, body), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _post(address: Address, notification: Notification, now_s: float) -> Tried:
    body = notification.body.encode()
    url = address.url.reveal()
    headers = {"Content-Type": "application/json", "User-Agent": f"hubbub/{VERSION}"}
    if address.kind == "alertmanager":
        url = f"{url.rstrip('/')}/api/v2/alerts"
    else:
        headers |= {
            "Idempotency-Key": notification.id,
            "webhook-id": notification.id,
            "webhook-timestamp": str(int(now_s)),
        }
    if address.secret is not None:
        headers["webhook-signature"] = signature(address.secret.reveal(), notification.id, int(now_s), body)
    if address.token is not None:
        headers["Authorization"] = f"Bearer {address.token.reveal()}"
    try:
        answer = post(url, body, headers, timeout_s=address.timeout_s)
    except PostFailed as failed:
        return Tried(str(failed))
    if 200 <= answer.status < 300:
        return Tried()
    said = safe_text(answer.body[:400].decode("utf-8", "replace"), 160)
    error = f"answered {answer.status} {safe_text(answer.reason, 60)}{f': {said}' if said else ''}"
    for_good = answer.status < 500 and answer.status not in _AGAIN
    return Tried(error, for_good, min(answer.retry_after_s or 0.0, _MOST_PAUSE_S))
