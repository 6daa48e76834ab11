"""What is remembered of the alerts of one device: one msgpack record, every list of it bounded.

Times are integers, microseconds since 1970, in event time. Severities are their places in schemas.severity.SEVERITIES
(0 is the worst). Structs are stored as arrays: fields may be added at their ends, with defaults, and nowhere else.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import replace

from operators.alert_rule import Source

FIRST_EVIDENCE: Final = 3
LAST_EVIDENCE: Final = 5
MOST_MARKS: Final = 256
MOST_FINGERPRINTS: Final = 64
NEVER: Final = -(1 << 63)
REMEMBER_US: Final = 7 * 86_400_000_000
"""How long a fingerprint's memory outlives its last alert, so that its revisions go on counting."""


class Evidence(msgspec.Struct, array_like=True, frozen=True):
    """One event that counted: the columns of schemas.alerts.EVIDENCE but `kind`, texts cut to a bounded length."""

    event_id: str
    topic: str | None
    partition: int | None
    offset: int | None
    event_time: int
    text: str | None = None
    words: list[str] | None = None
    template: str | None = None
    template_id: str | None = None
    label: str | None = None
    score: float | None = None
    metric: str | None = None
    value: float | None = None
    expected_low: float | None = None
    expected_high: float | None = None
    model: str | None = None
    traceparent: str | None = None


class Mark(msgspec.Struct, array_like=True, frozen=True):
    """One row that raises or clears. `at` is its place in time: its event time, or the watermark when it came late."""

    at: int
    event_time: int
    event_id: str
    raises: bool
    severity: int = 0
    category: str | None = None
    evidence: Evidence | None = None
    # Of a rule with `together`: the groups that the row fulfils, a bit each.
    groups: int = 0

    @property
    def place(self) -> tuple[int, int, str]:
        """What marks are sorted by; no part of it depends on the order of arrival within the allowed lateness."""
        return (self.at, self.event_time, self.event_id)


class Episode(msgspec.Struct, array_like=True):
    """From the first match to the end: what one alert is made of."""

    opening_id: str
    opened_at: int
    updated_at: int
    severity: int
    count: int = 0
    category: str | None = None
    fired_at: int | None = None
    first: list[Evidence] = msgspec.field(default_factory=list)
    last: list[Evidence] = msgspec.field(default_factory=list)
    # Until its condition is met: the latest matches, of which `count` must lie close together; with `together`, the
    # latest of each group (NEVER: none).
    recent: list[int] = msgspec.field(default_factory=list)
    resolved_at: int | None = None
    resolved_by: str | None = None
    # When its condition was met; it fires then, or when it has lasted long enough.
    met_at: int | None = None
    # The first clear since the last match, of one that keeps firing for a while.
    cleared_at: int | None = None
    # How often it has opened lately, of one that flaps; 0 for any other.
    flapping: int = 0

    @property
    def state(self) -> str:
        """Where it stands, as schemas.alerts.ALERT_STATES has it."""
        if self.resolved_by is not None:
            return "resolved"
        return "pending" if self.fired_at is None else "firing"

    @property
    def evidence(self) -> list[Evidence]:
        """The first events and the last ones, in order."""
        return [*self.first, *self.last]

    def copy(self) -> Episode:
        """Return a copy whose changes do not show here."""
        return replace(self, first=self.first[:], last=self.last[:], recent=self.recent[:])


class Published(msgspec.Struct, array_like=True, frozen=True):
    """What was last said of an episode: enough to see that it has changed, and to take it back."""

    state: str
    severity: int
    opened_at: int
    # While it lasts, the step that its count has passed (alert_history.COUNT_STEPS); in the end, all its figures.
    count: int
    updated_at: int = 0
    resolved_at: int = 0
    resolved_by: str | None = None
    flapping: int = 0


class Memory(msgspec.Struct, array_like=True):
    """What is remembered of one fingerprint.

    `settled` is the episode that was open when the marks before `marks` had been told; those cannot change any more.
    `marks` are the unsettled ones in order. `published` are the episodes that may still change, by opening event.
    `openings` are when the last ones opened that fired before `marks`: as many as damping asks for.
    """

    rule: str
    source: Source
    labels: list[str | None]
    settled: Episode | None = None
    settled_until: int | None = None
    marks: list[Mark] = msgspec.field(default_factory=list)
    published: dict[str, Published] = msgspec.field(default_factory=dict)
    revision: int = 0
    deadline: int | None = None
    # When it may be forgotten; no deadline of its own lies behind it.
    expires_at: int = 0
    openings: list[int] = msgspec.field(default_factory=list)


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(dict[str, Memory])


def encode_memories(memories: dict[str, Memory]) -> bytes:
    """Return the memories of a device, by fingerprint, as they are stored; equal memories give equal bytes."""
    return _encoder.encode({fingerprint: memories[fingerprint] for fingerprint in sorted(memories)})


def decode_memories(stored: bytes | None) -> dict[str, Memory]:
    """Return the memories of a device as they were stored; none for a device without."""
    return {} if stored is None else _decoder.decode(stored)


def keep_evidence(episode: Episode, evidence: Evidence) -> None:
    """Add the newest event to the bounded evidence of an episode."""
    if len(episode.first) < FIRST_EVIDENCE:
        episode.first.append(evidence)
        return
    episode.last.append(evidence)
    if len(episode.last) > LAST_EVIDENCE:
        del episode.last[0]
