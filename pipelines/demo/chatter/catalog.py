"""Every way of talking that the demo knows, by type of device."""

from __future__ import annotations

from pipelines.demo.chatter import climate, cold, doors, energy, indoors, network
from pipelines.demo.chatter.chatter import Chatter

CHATTER: dict[str, Chatter] = {
    chatter.device_type: chatter
    for family in (cold, climate, network, doors, energy, indoors)
    for chatter in family.FAMILY
}
