"""Who is logged in: random names in a cookie, kept here only as their hashes, until they are idle for too long."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

IDLE_S: Final = 12 * 3600.0
MOST_SESSIONS: Final = 1000
MOST_NOTICES: Final = 5


@dataclass(slots=True)
class Session:
    """One browser of one person. `csrf` must come with each POST; `notices` are shown once, on the next page."""

    name: str
    csrf: str
    used_s: float
    notices: list[str] = field(default_factory=list)


class Sessions:
    """All sessions of this process. A restart ends them; so does logging out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._by_hash: OrderedDict[bytes, Session] = OrderedDict()

    def begin(self, name: str) -> str:
        """Begin a session, and return what its cookie holds."""
        cookie = secrets.token_urlsafe(32)
        with self._lock:
            self._by_hash[_hash(cookie)] = Session(name, secrets.token_urlsafe(32), self._clock())
            while len(self._by_hash) > MOST_SESSIONS:
                self._by_hash.popitem(last=False)  # the one that was used longest ago
        return cookie

    def find(self, cookie: str) -> Session | None:
        """Return the session of a cookie, which is used now; None for none, or one that was idle for too long."""
        key, now_s = _hash(cookie), self._clock()
        with self._lock:
            session = self._by_hash.get(key)
            if session is None:
                return None
            if now_s - session.used_s > IDLE_S:
                del self._by_hash[key]
                return None
            session.used_s = now_s
            self._by_hash.move_to_end(key)
            return session

    def end(self, cookie: str) -> None:
        """End a session."""
        with self._lock:
            self._by_hash.pop(_hash(cookie), None)


def _hash(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode("utf-8", "replace")).digest()
