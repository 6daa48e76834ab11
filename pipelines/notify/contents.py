"""What a group would say at one moment: which alerts fire, which are over, and whether any of it is worth telling."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pipelines.notify.alert import Alert
from pipelines.notify.book import Known, Reason, Told
from pipelines.notify.plan import Receiver

MOST_WHOLE: Final = 200
"""Alerts in one notification to a receiver that needs each of them."""


@dataclass(slots=True)
class Contents:
    """`firing` and `resolved` are what would be named; `telling` those of both that are marked as told by it."""

    firing: list[Known] = field(default_factory=list)
    resolved: list[Known] = field(default_factory=list)
    telling: list[Known] = field(default_factory=list)
    is_due: bool = False
    reason: Reason = "firing"


def contents_of(
    id_: str,
    members: Sequence[Known],
    receiver: Receiver,
    repeat_us: int,
    last_us: int | None,
    now_us: int,
    mutes: Callable[[Alert], bool],
) -> Contents:
    """Return what the group `id_` would say to its receiver now, the worst first."""
    found = Contents()
    fresh: list[Known] = []
    repeat = False
    for known in members:
        told = known.told.get(id_)
        if not known.alert.firing:
            if told is not None and (told.tried or told.done):
                found.resolved.append(known)
            continue
        if mutes(known.alert):
            continue
        found.firing.append(known)
        if told is None or told.alert_id != known.alert.alert_id or known.level > told.tried:
            fresh.append(known)
        elif receiver.whole:
            if told.at_us + repeat_us <= now_us:
                fresh.append(known)
        elif not known.is_acknowledged and last_us is not None and last_us + repeat_us <= now_us:
            repeat = True
    found.firing.sort(key=_worst_first)
    over = found.resolved if receiver.send_resolved else []
    found.is_due = bool(fresh or over or repeat)
    found.reason = "firing" if fresh else "resolved" if over else "repeat"
    if receiver.whole:
        found.telling = sorted([*over, *fresh], key=_worst_first)[:MOST_WHOLE]
    else:
        found.telling = [*found.firing, *over]
    return found


def mark(id_: str, contents: Contents, now_us: int) -> Iterator[Known]:
    """Mark what is being told as tried, and give the alerts that were marked."""
    for known in contents.telling:
        told = known.told.get(id_)
        if told is None or (known.alert.firing and told.alert_id != known.alert.alert_id):
            done = 0 if told is None else told.done
            told = known.told[id_] = Told(known.alert.alert_id, done=done, since_us=now_us)
        told.tried, told.at_us = known.level, now_us
        yield known


def _worst_first(known: Known) -> tuple[int, int, str]:
    return (-known.level, known.alert.opened_us, known.alert.fingerprint)
