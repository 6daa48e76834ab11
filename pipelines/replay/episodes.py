"""Episodes: each alert from its opening to where it stood last, read off a topic of alert revisions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from infra.broker import TopicPartition
from pipelines.replay.kept import Kept
from schemas.alerts import ALERTS
from schemas.timestamps import parse_timestamp

_READ_RECORDS = 1000
_READ_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Episode:
    """One alert that fired, as its last revision has it. Times are event times, microseconds since 1970.

    `evidence` are the events behind it, the first and the last ones, as schemas.alerts.EVIDENCE has them.
    """

    alert_id: str
    fingerprint: str
    device_id: str
    rule: str
    severity: str
    state: str
    category: str | None
    summary: str
    opened_us: int
    fired_us: int
    updated_us: int
    resolved_us: int | None
    resolved_by: str | None
    count: int
    evidence: tuple[Mapping[str, Any], ...]

    @property
    def last_us(self) -> int:
        """When it ended, or the last that was heard of it while it lasts."""
        return self.updated_us if self.resolved_us is None else self.resolved_us

    @property
    def evidence_ids(self) -> frozenset[str]:
        """Ids of the events behind it."""
        return frozenset(str(one.get("event_id")) for one in self.evidence)

    @property
    def evidence_us(self) -> list[int]:
        """When those events happened."""
        return [_us(one["event_time"]) for one in self.evidence]


@dataclass(frozen=True)
class Episodes:
    """The alerts of one side. `lost`: fingerprints whose older revisions compaction has dropped, with when their
    oldest kept alert opened; what they raised before that is not known."""

    fired: tuple[Episode, ...]
    lost: Mapping[str, int]


# (topic, partition, offset of the opening event, its place's horizon) decide what is compared.
Compared = Callable[[str | None, int | None, int | None], bool]
Horizon = Callable[[str | None, int | None], int | None]


def read_episodes(broker: Kept, compared: Compared, horizon: Horizon = lambda topic, partition: None) -> Episodes:
    """Read the alerts that fired and whose opening event is `compared`.

    `horizon` gives an event time by the opening event's topic and partition: revisions behind it do not count, because
    one side may know of events that the other was not shown; None: all count. Alerts that were taken back because they
    turned out to belong to an earlier one ("merged") are no alerts.
    """
    last: dict[str, dict[str, Any]] = {}
    first_revision: dict[str, int] = {}
    for revision in _revisions(broker):
        fingerprint = revision["fingerprint"]
        first_revision.setdefault(fingerprint, revision["revision"])
        opening = (revision.get("evidence") or [{}])[0]
        limit = horizon(opening.get("topic"), opening.get("partition"))
        if limit is None or _us(revision["event_time"]) <= limit:
            last[revision["alert_id"]] = revision
    fired = []
    for revision in last.values():
        opening = (revision.get("evidence") or [{}])[0]
        if revision.get("fired_at") is None or revision.get("resolved_by") == "merged":
            continue
        if compared(opening.get("topic"), opening.get("partition"), opening.get("offset")):
            fired.append(_episode(revision))
    fired.sort(key=lambda one: (one.fired_us, one.device_id, one.fingerprint, one.alert_id))
    lost = {fingerprint for fingerprint, revision in first_revision.items() if revision > 1}
    oldest: dict[str, int] = {}
    for revision in last.values():
        if (fingerprint := revision["fingerprint"]) in lost:
            opened = _us(revision["opened_at"])
            oldest[fingerprint] = min(opened, oldest.get(fingerprint, opened))
    return Episodes(tuple(fired), oldest)


def _revisions(broker: Kept) -> Iterator[dict[str, Any]]:
    for number in range(broker.topics().get(ALERTS.name, 0)):
        part = TopicPartition(ALERTS.name, number)
        offset, end = broker.bounds(part)
        while offset < end:
            records = broker.read(part, offset, max_records=_READ_RECORDS, max_bytes=_READ_BYTES)
            if not records:
                break
            for record in records:
                if record.value is not None:
                    yield orjson.loads(record.value)
            offset = records[-1].offset + 1


def _episode(revision: Mapping[str, Any]) -> Episode:
    resolved = revision.get("resolved_at")
    return Episode(
        alert_id=revision["alert_id"],
        fingerprint=revision["fingerprint"],
        device_id=revision["device_id"],
        rule=revision["rule"],
        severity=revision["severity"],
        state=revision["state"],
        category=revision.get("category"),
        summary=revision["summary"],
        opened_us=_us(revision["opened_at"]),
        fired_us=_us(revision["fired_at"]),
        updated_us=_us(revision["updated_at"]),
        resolved_us=None if resolved is None else _us(resolved),
        resolved_by=revision.get("resolved_by"),
        count=revision["count"],
        evidence=tuple(revision.get("evidence") or ()),
    )


def _us(text: str) -> int:
    moment = parse_timestamp(text)
    if moment is None:
        raise ValueError(f"expected a time in a revision of an alert, got {text[:40]!r}")
    passed = moment - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
