"""Which alerts, incidents or other events somebody asks for on the command line, in `alerts` as in `subscribe`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipelines.bad_input import BadInput
from pipelines.device_registry import DeviceRegistry
from pipelines.event_lines import is_at_least
from pipelines.notify.alert import any_alert_of, incident_of
from schemas.alerts import ALERTS
from schemas.incidents import INCIDENTS
from schemas.matcher import Matcher, match_all, parse_matchers

Labels = Callable[[Mapping[str, Any], DeviceRegistry], Mapping[str, str]]
LABELS_OF: Final[Mapping[str, Labels]] = {
    ALERTS.name: lambda event, registry: any_alert_of(event, registry).labels,
    INCIDENTS.name: lambda event, _: incident_of(event).labels,
}
"""By topic: the labels of an event, those of its device's place among them. Events of other topics have none."""


@dataclass(frozen=True, slots=True)
class EventChoice:
    """What somebody asks for: of one of these devices, at least as bad, with labels that match; nothing: everything."""

    topic: str
    devices: frozenset[str] = frozenset()
    least: str | None = None
    matchers: tuple[Matcher, ...] = ()

    @property
    def takes_everything(self) -> bool:
        """Whether nothing was asked for, so that a record that is no event is shown, too."""
        return not (self.devices or self.least or self.matchers)

    def takes(self, event: Mapping[str, Any], registry: DeviceRegistry) -> bool:
        """Tell whether an event of the topic is asked for; `registry` is needed where matchers are."""
        if self.devices and event.get("device_id") not in self.devices:
            return False
        if self.least is not None and not is_at_least(event, self.least):
            return False
        return not self.matchers or match_all(self.matchers, LABELS_OF[self.topic](event, registry))


def choice_of(topic: str, devices: Collection[str], least: str | None, matchers: Sequence[str]) -> EventChoice:
    """Return what options ask for; WrongMatcher or BadInput for what cannot be."""
    parsed = parse_matchers(matchers, may_match_all=True)
    if parsed and topic not in LABELS_OF:
        raise BadInput(
            f"expected --matcher with a topic whose events have labels, {' or '.join(LABELS_OF)}, got {topic}"
        )
    return EventChoice(topic, frozenset(devices), least, parsed)
