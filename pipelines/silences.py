"""Silences as they are asked for, listed and ended: events of the topic `alerts.silences`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import orjson

from infra.broker import Broker
from pipelines.bad_input import BadInput
from pipelines.records_in_order import begin_of, end_of, records_in_order
from pipelines.seen_event import SeenEvent, see, time_text
from pipelines.since import time_us
from schemas.identity import identity
from schemas.matcher import Matcher, WrongMatcher, match_all, parse_matcher, parse_matchers
from schemas.record import Append
from schemas.safe_text import safe_text
from schemas.silences import SILENCES

MOST_TEXT = 1000
STATES = ("active", "pending", "expired")


@dataclass(frozen=True, slots=True)
class Silence:
    """One silence. Times are microseconds since 1970."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_us: int
    ends_us: int
    created_by: str
    comment: str = ""

    def state(self, now_us: int) -> str:
        """Return `pending`, `active` or `expired`, Alertmanager's words."""
        if now_us >= self.ends_us:
            return "expired"
        return "active" if now_us >= self.starts_us else "pending"

    def covers(self, labels: Mapping[str, str], now_us: int) -> bool:
        """Tell whether it holds now for an alert of these labels."""
        return self.starts_us <= now_us < self.ends_us and match_all(self.matchers, labels)

    def to_json(self, now_us: int) -> dict[str, object]:
        """Return it as its event says it, with its state."""
        return {**_event(self), "state": self.state(now_us)}


def new_silence(
    matchers: Sequence[str], *, now_us: int, for_us: int, starts_us: int | None = None, by: str, comment: str = ""
) -> Silence:
    """Make a silence as somebody asks for it. WrongMatcher or BadInput says what cannot be."""
    if not matchers:
        raise BadInput('expected at least one --matcher like device_id="d-17", got none')
    if for_us <= 0:
        raise BadInput("expected a silence that lasts for some time, got none")
    parsed = parse_matchers(matchers)
    starts = now_us if starts_us is None else starts_us
    if starts + for_us <= now_us:
        raise BadInput(f"expected a silence that ends in the future, got one that ends {time_text(starts + for_us)}")
    who, why = by.strip()[:MOST_TEXT], comment.strip()[:MOST_TEXT]
    id_ = identity("silence", now_us, starts, for_us, who, why, *map(str, parsed))[:16]
    return Silence(id_, parsed, starts, starts + for_us, who or "somebody", why)


def write_silence(broker: Broker, silence: Silence, now_us: int) -> None:
    """Write a silence, new or changed; it holds for every notifier of this broker from then on."""
    broker.expect_topics([SILENCES])
    value = orjson.dumps({**_event(silence), "event_time": time_text(now_us)})
    broker.append([Append(SILENCES.name, silence.id.encode(), value)])


def silences_of(broker: Broker) -> list[Silence]:
    """Return each silence as it stands, by its start."""
    records = records_in_order(broker, begin_of(broker, SILENCES.name), end_of(broker, SILENCES.name))
    return sorted(latest_silences({}, see(records)).values(), key=lambda one: (one.starts_us, one.id))


def latest_silences(known: Mapping[str, Silence], seen: Iterable[SeenEvent]) -> dict[str, Silence]:
    """Return the silences by id after further records; what is no silence is left out, a tombstone removes one."""
    found = dict(known)
    for one in seen:
        silence = _silence_of(one.event) if one.event is not None else None
        if silence is not None:
            found[silence.id] = silence
        elif one.record.value is None and one.record.key is not None:
            found.pop(one.record.key.decode("utf-8", "replace"), None)
    return found


def silence_named(broker: Broker, id_: str) -> Silence:
    """Return the silence of this id, which may be cut short where it stays clear; BadInput for none or several."""
    found = [one for one in silences_of(broker) if id_ and one.id.startswith(id_)]
    if len(found) != 1:
        many = f"that of {len(found)} silences" if found else "that of none"
        raise BadInput(f"expected the id of one silence, got {many}: {id_!r}; `hubbub silence list --all` shows them")
    return found[0]


def expired(silence: Silence, now_us: int) -> Silence:
    """Return a silence that ends now; BadInput for one that has ended."""
    if silence.ends_us <= now_us:
        raise BadInput(f"silence {silence.id} has ended already, at {time_text(silence.ends_us)}")
    return replace(silence, starts_us=min(silence.starts_us, now_us), ends_us=now_us)


def shown(silence: Silence) -> str:
    """Return its matchers on one safe line."""
    return safe_text(", ".join(map(str, silence.matchers)), 200)


def _event(silence: Silence) -> dict[str, object]:
    return {
        "id": silence.id,
        "matchers": [str(one) for one in silence.matchers],
        "starts_at": time_text(silence.starts_us),
        "ends_at": time_text(silence.ends_us),
        "created_by": silence.created_by,
        "comment": silence.comment,
    }


def _silence_of(event: Mapping[str, object]) -> Silence | None:
    """Read an event; None where somebody wrote matchers that are none, for nobody may be silenced by accident."""
    matchers = event.get("matchers")
    if not isinstance(matchers, list) or not matchers:
        return None
    try:
        parsed = tuple(parse_matcher(str(one)) for one in matchers)
        starts, ends = (time_us(str(event.get(name)), 0) for name in ("starts_at", "ends_at"))
    except (WrongMatcher, BadInput):
        return None
    texts = (str(event.get(name) or "") for name in ("id", "created_by", "comment"))
    id_, by, comment = texts
    return Silence(id_, parsed, starts, ends, by, comment)
