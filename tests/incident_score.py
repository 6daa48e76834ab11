"""How incidents are judged against what was planted.

An incident is about the planted thing that most of the events in its timeline were made by; harmless things count only
where there is no other. It is right when that thing is a real one, and wrong otherwise: also when it is the second one
about a thing whose first lasts still. A thing is found when an incident about it opened while it lasted. So an incident
that swallows two things finds one of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from pipelines.demo.incidents.incident import Incident


@dataclass
class Score:
    """Sums over days. `leads_s`: seconds from opening to the hard alarm, by kind, of what was found."""

    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    look_alikes: int = 0
    right: int = 0
    wrong: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    merged: int = 0
    leads_s: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    events: int = 0
    alerts: int = 0

    @property
    def precision(self) -> float:
        """Share of the incidents that are right."""
        return self.right / max(1, self.right + len(self.wrong))

    @property
    def recall(self) -> float:
        """Share of the planted incidents that were found."""
        return self.found.total() / max(1, self.planted.total())

    def lines(self, name: str) -> list[str]:
        """Return what there is to print."""
        incidents = self.right + len(self.wrong)
        every = sorted(lead for leads in self.leads_s.values() for lead in leads)
        lines = [
            f"{name}: {self.planted.total()} incidents and {self.look_alikes} look-alikes planted",
            f"  precision {self.precision:.3f} ({self.right} of {incidents}), "
            f"recall {self.recall:.3f} ({self.found.total()} of {self.planted.total()}); "
            f"{self.merged} swallowed others",
            f"  events : alerts : incidents = {self.events:,} : {self.alerts:,} : {incidents:,}",
        ]
        if every:
            ahead = sum(lead >= 30 for lead in every)
            lines.append(
                f"  before the hard alarm: median {median(every) / 60:.1f} min, {ahead} of {len(every)} by 30 s or more"
            )
        for kind in sorted(self.planted):
            leads = self.leads_s.get(kind)
            lead = f", {median(leads) / 60:.1f} min before its alarm" if leads else ""
            lines.append(f"    {kind:<26} {self.found[kind]:>3} of {self.planted[kind]:>3}{lead}")
        lines += [f"  missed: {one}" for one in self.missed] + [f"  wrong: {one}" for one in self.wrong]
        return lines


def judge(
    score: Score,
    day: str,
    planted: Sequence[Incident],
    made_by: Mapping[str, str],
    revisions: Iterable[Mapping[str, Any]],
    start_us: int,
) -> None:
    """Add a day. `made_by`: name of the planted thing by the id of each event that it made.

    `revisions` are rows of the topic incidents in order; those that opened before the day itself are not judged.
    """
    by_name = {one.name: one for one in planted}
    score.look_alikes += sum(one.harmless for one in planted)
    score.planted.update(one.kind for one in planted if not one.harmless)
    histories: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in revisions:
        histories[row["incident_id"]].append(row)
    opened: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for history in sorted(histories.values(), key=lambda one: _us(one[0]["opened_at"])):
        first, last = history[0], history[-1]
        opened_us = _us(first["opened_at"])
        if opened_us < start_us:
            continue
        shown = {entry["event_id"] for row in history for entry in row["timeline"]}
        makers = Counter(made_by[event] for event in shown if event in made_by)
        real = Counter({name: count for name, count in makers.items() if not by_name[name].harmless})
        score.merged += len(real) > 1
        about = min(real, key=lambda name: (-real[name], name)) if real else None
        if about is None or any(opened_us < ended for _, ended in opened[about]):
            score.wrong.append(f"{day}: {sorted(makers) or 'nothing planted'}: {last['summary']}")
            continue
        score.right += 1
        opened[about].append((opened_us, _us(last["resolved_at"] or last["updated_at"])))
    for one in planted:
        if one.harmless:
            continue
        times = [at for at, _ in opened[one.name] if one.start_us <= at <= one.end_us]
        if not times:
            score.missed.append(f"{day}: {one.name} on {', '.join(one.devices[:3])}")
            continue
        score.found[one.kind] += 1
        if one.alarm_us is not None:
            score.leads_s[one.kind].append((one.alarm_us - min(times)) / 1e6)


def _us(moment: Any) -> int:
    seconds: float = moment.timestamp()
    return round(seconds * 1e6)
