"""One HTTP POST with a deadline for the whole of it: a server that hangs, or drips a byte a second, costs no more.

No redirects are followed, for what is sent may be secret; TLS certificates are checked by the system's roots. Sentences
of errors name the host and never the path, which may hold a token.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

MOST_ANSWER_BYTES: Final = 64 << 10


class PostFailed(Exception):
    """No answer came: refused, away, too slow, no valid certificate."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What a server answered. `retry_after_s`: how long it asks to be left alone."""

    status: int
    reason: str
    body: bytes
    retry_after_s: float | None = None


def post(url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float) -> Posted:
    """Post a body and return the answer, whatever its status; PostFailed when none came within `timeout_s`."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = _connection(parts.scheme, host, parts.port, timeout_s)
    late = threading.Event()
    timer = threading.Timer(timeout_s, _cut, (connection, late))
    timer.daemon = True
    timer.start()
    try:
        connection.request("POST", target, body, dict(headers))
        answer = connection.getresponse()
        text = answer.read(MOST_ANSWER_BYTES)
        if late.is_set():  # a body that was cut off looks like one that ended
            raise PostFailed(f"{host} did not answer within {timeout_s:g} s")
        return Posted(answer.status, answer.reason, text, _seconds(answer.getheader("Retry-After")))
    except (OSError, http.client.HTTPException) as error:
        if late.is_set() or isinstance(error, TimeoutError):
            raise PostFailed(f"{host} did not answer within {timeout_s:g} s") from error
        raise PostFailed(f"{host}: {_why(error)}") from error
    finally:
        timer.cancel()
        connection.close()


def _connection(scheme: str, host: str, port: int | None, timeout_s: float) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=timeout_s)


def _cut(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    late.set()
    found = connection.sock
    if found is not None:
        with suppress(OSError):
            found.shutdown(socket.SHUT_RDWR)


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() and len(text) < 7 else None


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"it broke off ({type(error).__name__})"
