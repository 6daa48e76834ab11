"""The open sessions of one device, in memory and as bytes: bounded, each closed by quiet time or to make room."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

LONGEST_ID = 200


@dataclass(slots=True)
class OpenSession:
    """Events so far, in the order of the stream; times in microseconds since 1970."""

    started: int
    ended: int
    events: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ClosedSession:
    """A session that is over: by `cut` (quiet, full, crowded), known at `at`."""

    session: str | None
    cut: str
    at: int
    started: int
    ended: int
    events: tuple[str, ...]


class _Stored(msgspec.Struct, array_like=True):
    names: list[str]
    # Each session: its id, earliest and latest time, events as indices of `names`.
    sessions: list[tuple[str | None, int, int, list[int]]]


class DeviceSessions:
    """The open sessions of one device, in order of birth."""

    def __init__(self, quiet_us: int) -> None:
        self._quiet_us = quiet_us
        self._open: dict[str | None, OpenSession] = {}

    def __len__(self) -> int:
        return len(self._open)

    @staticmethod
    def read(data: bytes | None, quiet_us: int) -> DeviceSessions:
        """Read what `stored` gave."""
        found = DeviceSessions(quiet_us)
        if data is not None:
            stored = msgspec.msgpack.decode(data, type=_Stored)
            for session, started, ended, events in stored.sessions:
                found._open[session] = OpenSession(started, ended, [stored.names[i] for i in events])
        return found

    def stored(self) -> bytes | None:
        """Return the sessions as bytes; None when there is none."""
        if not self._open:
            return None
        names: dict[str, int] = {}
        sessions = [
            (session, one.started, one.ended, [names.setdefault(event, len(names)) for event in one.events])
            for session, one in self._open.items()
        ]
        return msgspec.msgpack.encode(_Stored(list(names), sessions))

    @property
    def deadline(self) -> int | None:
        """When the next session will have been quiet for long enough; None without sessions."""
        if not self._open:
            return None
        return min(one.ended for one in self._open.values()) + self._quiet_us

    def due(self, watermark: int) -> list[ClosedSession]:
        """Close the sessions that are quiet by this watermark, the earliest first."""
        over = sorted(
            (
                (one.ended + self._quiet_us, place, session)
                for place, (session, one) in enumerate(self._open.items())
                if one.ended + self._quiet_us <= watermark
            ),
        )
        return [self._close(session, "quiet", at) for at, _, session in over]

    def take(
        self, session: str | None, event: str, time: int, *, most_events: int, most_sessions: int
    ) -> list[ClosedSession]:
        """Take in one event; return what had to be closed for it.

        That is its own session where the event comes after a pause, or when it is full; or the quietest of too many.
        """
        closed = []
        one = self._open.get(session)
        if one is not None and time > one.ended + self._quiet_us:
            closed.append(self._close(session, "quiet", one.ended + self._quiet_us))
            one = None
        if one is None:
            if len(self._open) >= most_sessions:
                quietest = min(self._open, key=lambda name: self._open[name].ended)
                closed.append(self._close(quietest, "crowded", time))
            one = self._open[session] = OpenSession(time, time)
        one.started, one.ended = min(one.started, time), max(one.ended, time)
        one.events.append(event)
        if len(one.events) >= most_events:
            closed.append(self._close(session, "full", time))
        return closed

    def _close(self, session: str | None, cut: str, at: int) -> ClosedSession:
        one = self._open.pop(session)
        return ClosedSession(session, cut, at, one.started, one.ended, tuple(one.events))
