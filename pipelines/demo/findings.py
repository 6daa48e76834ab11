"""What was found of what was planted, by a definition that can be printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipelines.demo.heard import Alert
from pipelines.demo.incidents.incident import Incident

DEFINITION = (
    "Found: while it lasts, an alert opens on one of its devices, and the evidence of that alert names an event that "
    "the incident itself made. False: any other alert of severity warning or worse."
)


@dataclass(frozen=True)
class Finding:
    """What became of one planted thing: the alerts that its events are evidence of, the earliest first."""

    incident: Incident
    alerts: tuple[Alert, ...]

    @property
    def found_us(self) -> int | None:
        """Event time at which the first of its alerts fired; None when nothing found it."""
        return self.alerts[0].fired_us if self.alerts else None

    @property
    def after_s(self) -> float | None:
        """Seconds from its start to its first alert."""
        return None if self.found_us is None else (self.found_us - self.incident.start_us) / 1e6

    @property
    def ahead_s(self) -> float | None:
        """Seconds from its first alert to the device's own hard alarm; 0 when it was the alarm that told."""
        if self.found_us is None or self.incident.alarm_us is None:
            return None
        return max(0.0, (self.incident.alarm_us - self.found_us) / 1e6)

    @property
    def told_by(self) -> tuple[str, ...]:
        """Which kinds of evidence raised alerts about it, the earliest first."""
        return tuple(dict.fromkeys(kind_of(alert) for alert in self.alerts))


@dataclass(frozen=True)
class Findings:
    """All of it: the incidents, the look-alikes with what they raised, and alerts about nothing planted.

    `notices` are indeterminate ones; `learning` those before the day began, while the detector saw its first readings.
    """

    incidents: tuple[Finding, ...]
    look_alikes: tuple[Finding, ...]
    unplanted: tuple[Alert, ...]
    notices: tuple[Alert, ...]
    learning: tuple[Alert, ...] = ()

    @property
    def found(self) -> int:
        """How many incidents were found."""
        return sum(bool(finding.alerts) for finding in self.incidents)

    @property
    def false_alerts(self) -> int:
        """How many alerts of severity warning or worse were about no incident."""
        return len(self.unplanted) + sum(len(finding.alerts) for finding in self.look_alikes)


def findings_of(
    incidents: Sequence[Incident], alerts: Iterable[Alert], planted: Mapping[str, str], *, start_us: int = 0
) -> Findings:
    """Compare alerts with the truth. `planted`: name of the planted thing by the id of each event that it made.

    `start_us`: when the day began; alerts that fired before are counted apart.
    """
    about: dict[str, list[Alert]] = {incident.name: [] for incident in incidents}
    harmless = {incident.name for incident in incidents if incident.harmless}
    unplanted, notices, learning = [], [], []
    by_name = {incident.name: incident for incident in incidents}
    for alert in sorted((one for one in alerts if one.fired_us is not None), key=lambda one: one.fired_us or 0):
        causes = {planted[event] for event in alert.evidence if event in planted}
        fitting = {name for name in causes if _fits(alert, by_name[name])}
        if (alert.fired_us or 0) < start_us:
            learning.append(alert)
        elif serious := fitting - harmless:
            for name in serious:
                about[name].append(alert)
        elif alert.last["severity"] == "indeterminate":
            notices.append(alert)
        elif fitting:
            about[min(fitting)].append(alert)
        else:
            unplanted.append(alert)
    findings = [Finding(incident, tuple(about[incident.name])) for incident in incidents]
    return Findings(
        incidents=tuple(finding for finding in findings if not finding.incident.harmless),
        look_alikes=tuple(finding for finding in findings if finding.incident.harmless),
        unplanted=tuple(unplanted),
        notices=tuple(notices),
        learning=tuple(learning),
    )


def kind_of(alert: Alert) -> str:
    """Return what the alert was raised from: a log, a message, an alarm or telemetry."""
    return str(alert.first["evidence"][-1]["kind"])


def _fits(alert: Alert, incident: Incident) -> bool:
    return (
        alert.first["device_id"] in incident.devices
        and alert.fired_us is not None
        and incident.start_us <= alert.opened_us
        and alert.fired_us <= incident.end_us
    )
