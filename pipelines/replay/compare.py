"""Compare the alerts of two sides: which are the same, which were added, which are gone, and what changed in which.

Two alerts are compared when they are one: the same `alert_id` (one fingerprint, opened by the same event). Of those
left over, two of one fingerprint (rule, device and labels) are one alert that opened at another event when their times
overlap, or lie no more than SAME_ALERT_US apart; the closest pair first. What is left then was added or is gone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pipelines.replay.episodes import Episode, Episodes

SAME_ALERT_US: Final = 5 * 60_000_000

# How two sides can differ, in the order in which a person wants to know.
KINDS: Final = (
    "added", "gone", "earlier", "later", "severity", "state", "category", "count", "ended", "evidence",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One alert that both sides raised, not in the same way. `kinds` are of KINDS.

    `sooner_s`: how many seconds earlier the candidate fires; negative when it fires later.
    """

    before: Episode
    after: Episode
    kinds: tuple[str, ...]

    @property
    def sooner_s(self) -> float:
        """Seconds by which the candidate fires earlier."""
        return (self.before.fired_us - self.after.fired_us) / 1e6


@dataclass(frozen=True, slots=True)
class AlertDifferences:
    """How the candidate's alerts differ from the baseline's. `unknown`: raised by the candidate where it is not known
    any more what the baseline raised."""

    same: tuple[Episode, ...]
    added: tuple[Episode, ...]
    gone: tuple[Episode, ...]
    changed: tuple[Change, ...]
    unknown: tuple[Episode, ...] = ()

    @property
    def differing(self) -> int:
        """How many alerts are not the same on both sides."""
        return len(self.added) + len(self.gone) + len(self.changed)

    @property
    def total(self) -> int:
        """How many alerts there are on either side, those of both counted once."""
        return len(self.same) + self.differing

    @property
    def share(self) -> float:
        """Differing alerts as a share of all, in [0, 1]; 0 when there are none."""
        return self.differing / self.total if self.total else 0.0

    def by_kind(self) -> dict[str, int]:
        """Count the differences of each kind; one changed alert may count under several."""
        counts = Counter(kind for change in self.changed for kind in change.kinds)
        counts["added"], counts["gone"] = len(self.added), len(self.gone)
        return {kind: counts[kind] for kind in KINDS}


def compare_alerts(baseline: Episodes, candidate: Episodes) -> AlertDifferences:
    """Compare what two sides raised from the same history."""
    before = {one.alert_id: one for one in baseline.fired}
    after = {one.alert_id: one for one in candidate.fired}
    pairs = [(one, after[alert_id]) for alert_id, one in before.items() if alert_id in after]
    gone = [one for alert_id, one in before.items() if alert_id not in after]
    added = [one for alert_id, one in after.items() if alert_id not in before]
    moved = _paired(gone, added)
    pairs += moved
    taken = {one.alert_id for pair in moved for one in pair}
    same, changed = [], []
    for old, new in sorted(pairs, key=lambda pair: (pair[0].fired_us, pair[0].alert_id)):
        if kinds := _kinds(old, new):
            changed.append(Change(old, new, kinds))
        else:
            same.append(new)
    added = [one for one in added if one.alert_id not in taken]
    unknown = [one for one in added if one.opened_us < baseline.lost.get(one.fingerprint, one.opened_us)]
    return AlertDifferences(
        same=tuple(same),
        added=tuple(one for one in added if one not in unknown),
        gone=tuple(one for one in gone if one.alert_id not in taken),
        changed=tuple(changed),
        unknown=tuple(unknown),
    )


def _paired(gone: Sequence[Episode], added: Sequence[Episode]) -> list[tuple[Episode, Episode]]:
    """Pair alerts of one fingerprint that are close in time, the closest first, each at most once."""
    by_fingerprint: dict[str, list[Episode]] = defaultdict(list)
    for one in added:
        by_fingerprint[one.fingerprint].append(one)
    near = [
        (apart, abs(old.fired_us - new.fired_us), old.alert_id, new.alert_id, old, new)
        for old in gone
        for new in by_fingerprint[old.fingerprint]
        if (apart := _apart_us(old, new)) <= SAME_ALERT_US
    ]
    taken: set[str] = set()
    pairs = []
    for *_, old, new in sorted(near, key=lambda one: one[:4]):
        if old.alert_id not in taken and new.alert_id not in taken:
            taken |= {old.alert_id, new.alert_id}
            pairs.append((old, new))
    return pairs


def _apart_us(old: Episode, new: Episode) -> int:
    return max(0, new.opened_us - old.last_us, old.opened_us - new.last_us)


def _kinds(old: Episode, new: Episode) -> tuple[str, ...]:
    differs = {
        "earlier": new.fired_us < old.fired_us,
        "later": new.fired_us > old.fired_us,
        "severity": new.severity != old.severity,
        "state": new.state != old.state,
        "category": new.category != old.category,
        "count": new.count != old.count,
        "ended": new.state == old.state and (new.resolved_us, new.resolved_by) != (old.resolved_us, old.resolved_by),
        "evidence": new.count == old.count and new.evidence_ids != old.evidence_ids,
    }
    return tuple(kind for kind in KINDS if differs.get(kind))
