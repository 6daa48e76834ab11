"""Every kind of incident and look-alike that can be planted, by name."""

from __future__ import annotations

from pipelines.demo.incidents import cold, hazards, intruders, network, people, power
from pipelines.demo.incidents.story import Kind

KINDS: dict[str, Kind] = {
    kind.name: kind for family in (cold, network, intruders, power, people, hazards) for kind in family.KINDS
}
