"""True incidents, from a file of labels: which device had trouble, from when to when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.bad_input import BadInput
from pipelines.produce.numbered_lines import numbered_lines
from pipelines.produce.row import BadRow
from pipelines.produce.settle import object_of
from schemas.timestamps import parse_timestamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Incident:
    """Trouble that was really there, in event time (microseconds since 1970); `kind` is null when nobody says."""

    device_id: str
    from_us: int
    until_us: int
    kind: str | None = None


def read_incidents(path: Path) -> list[Incident]:
    """Read a JSON Lines file of {"device_id", "from", "until", optional "kind"}; times are RFC 3339.

    BadInput names the first line that is none. A blank line is passed over, further keys are ignored.
    """
    incidents = []
    with path.open("rb") as file:
        for number, line in numbered_lines(file):
            if not line.strip():
                continue
            event = object_of(number, line)
            if isinstance(event, BadRow):
                raise BadInput(f"{path}, line {number}: {event.message}")
            incidents.append(_incident(f"{path}, line {number}", event))
    if not incidents:
        raise BadInput(f"expected at least one incident in {path}, got none")
    return sorted(incidents, key=lambda one: (one.from_us, one.device_id))


def of_history(
    incidents: Sequence[Incident], devices: set[str], first_us: int, until_us: int
) -> tuple[list[Incident], int]:
    """Return the incidents that the history could tell of, and how many others there are.

    An incident of a device that says nothing in it, or outside its time, can be found by nobody.
    """
    within = [
        one for one in incidents if one.device_id in devices and one.from_us <= until_us and one.until_us >= first_us
    ]
    return within, len(incidents) - len(within)


def _incident(place: str, event: dict[str, object]) -> Incident:
    device_id, kind = event.get("device_id"), event.get("kind")
    if not isinstance(device_id, str) or not device_id:
        raise BadInput(f"{place}: expected a device_id, got {device_id!r}")
    if kind is not None and not isinstance(kind, str):
        raise BadInput(f"{place}: expected a text as kind, got {kind!r}")
    from_us, until_us = (_time(place, name, event.get(name)) for name in ("from", "until"))
    if until_us < from_us:
        raise BadInput(f"{place}: expected `until` not before `from`, got {event['until']} before {event['from']}")
    return Incident(device_id, from_us, until_us, kind)


def _time(place: str, name: str, value: object) -> int:
    moment = parse_timestamp(value) if isinstance(value, str) else None
    if moment is None:
        raise BadInput(f"{place}: expected an RFC 3339 time as `{name}`, got {value!r}")
    passed = moment - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
