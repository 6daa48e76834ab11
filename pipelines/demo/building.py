"""The building: its devices, where they stand, and what hangs on what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.demo.metrics import METRICS, Metric


@dataclass(frozen=True)
class Device:
    """One device. `upstream` is the device that it needs to reach the world; `place` is how a person would say it."""

    device_id: str
    type: str
    upstream: str | None
    place: str

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What it measures."""
        return METRICS.get(self.type, ())


@dataclass(frozen=True)
class Building:
    """A site and its devices, each id once."""

    site: str
    devices: tuple[Device, ...]

    def device(self, device_id: str) -> Device:
        """Return the device of this id; a KeyError names the site."""
        for device in self.devices:
            if device.device_id == device_id:
                return device
        raise KeyError(f"expected a device of {self.site}, got {device_id!r}")

    def of_type(self, *types: str) -> tuple[Device, ...]:
        """Return the devices of these types, in the building's order."""
        return tuple(device for device in self.devices if device.type in types)

    def only(self, device_ids: Iterable[str]) -> Building:
        """Return the same building with these devices alone."""
        wanted = set(device_ids)
        return Building(self.site, tuple(device for device in self.devices if device.device_id in wanted))


def _drawn(site: str, table: str) -> Building:
    devices = []
    for row in table.splitlines():
        if row.strip():
            device_id, type_, upstream, place = (cell.strip() for cell in row.split("|"))
            devices.append(Device(device_id, type_, upstream if upstream != "-" else None, place))
    return Building(site, tuple(devices))


MULBERRY_HOUSE = _drawn(
    "mulberry-house",
    """
    freezer-1    | freezer        | ap-0     | corner shop, chest freezer
    freezer-2    | freezer        | ap-0     | corner shop, ice-cream freezer
    fridge-1     | fridge         | ap-0     | corner shop, drinks fridge
    till-1       | till           | ap-0     | corner shop, till
    router-1     | router         | -        | basement, network cabinet
    switch-1     | switch         | router-1 | basement, network cabinet
    ups-1        | ups            | switch-1 | basement, network cabinet
    heatpump-1   | heat_pump      | switch-1 | basement, plant room
    boiler-1     | boiler         | switch-1 | basement, boiler room
    gas-1        | gas_sensor     | switch-1 | basement, boiler room
    washer-1     | washer         | ap-0     | basement, laundry room
    washer-2     | washer         | ap-0     | basement, laundry room
    leak-1       | leak_sensor    | ap-0     | basement, laundry room floor
    leak-2       | leak_sensor    | ap-0     | basement, boiler room floor
    watermeter-1 | water_meter    | switch-1 | basement, water main
    meter-1      | power_meter    | switch-1 | basement, main board
    evcharger-1  | ev_charger     | ap-g     | garage, bay 1
    evcharger-2  | ev_charger     | ap-g     | garage, bay 2
    lift-1       | lift           | switch-1 | front lift
    lift-2       | lift           | switch-1 | courtyard lift
    inverter-1   | inverter       | switch-1 | roof, south side
    ahu-1        | air_handler    | switch-1 | roof, ventilation
    lock-front   | lock           | ap-0     | front door
    lock-back    | lock           | ap-g     | courtyard door
    lock-lab     | lock           | ap-2     | 2nd floor, lab door
    lock-3a      | lock           | ap-3     | 3rd floor, flat 3A
    doorbell-1   | doorbell       | ap-0     | front door
    cam-entrance | camera         | switch-1 | entrance hall
    cam-garage   | camera         | switch-1 | garage
    cam-back     | camera         | switch-1 | courtyard
    ap-g         | access_point   | switch-1 | garage
    ap-0         | access_point   | switch-1 | ground floor
    ap-1         | access_point   | switch-1 | 1st floor
    ap-2         | access_point   | switch-1 | 2nd floor
    ap-3         | access_point   | switch-1 | 3rd floor
    vaccine-1    | medical_fridge | ap-1     | 1st floor, doctors' practice
    labfridge-1  | medical_fridge | ap-2     | 2nd floor, lab
    panel-1      | room_panel     | ap-1     | 1st floor, meeting room Elm
    panel-2      | room_panel     | ap-2     | 2nd floor, meeting room Birch
    air-1        | air_sensor     | ap-1     | 1st floor, meeting room Elm
    air-2        | air_sensor     | ap-2     | 2nd floor, lab
    air-3        | air_sensor     | ap-3     | 3rd floor, corridor
    thermostat-1 | thermostat     | ap-1     | 1st floor, waiting room
    thermostat-3 | thermostat     | ap-3     | 3rd floor, flat 3A
    smoke-1      | smoke_detector | ap-1     | 1st floor, corridor
    smoke-3      | smoke_detector | ap-3     | 3rd floor, corridor
    printer-1    | printer        | ap-1     | 1st floor, copy corner
    vacuum-1     | vacuum         | ap-1     | 1st floor, waiting room
    """,
)
"""Mulberry House: a shop, a garage, a doctors' practice, a lab, some flats."""

_CORNER = (
    *("freezer-1", "freezer-2", "till-1", "router-1", "washer-2", "leak-1", "watermeter-1"),
    *("evcharger-1", "lock-back", "doorbell-1", "cam-back", "panel-1", "printer-1"),
)
MULBERRY_CORNER = MULBERRY_HOUSE.only(_CORNER)
"""A part of the house, for a quick look."""
