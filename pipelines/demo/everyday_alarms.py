"""Alarms of an ordinary day: small notices that devices raise and clear by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from pipelines.demo.building import Building
from pipelines.demo.event import DemoEvent
from pipelines.demo.phrases import fill
from schemas.alarms import ALARMS

# type of device, code, words
_NOTICES = (
    ("printer", "P-PAPER", "Tray 2 holds <9..18> sheets"),
    ("printer", "P-SLEEP", "Printer went to sleep after <20..40> min"),
    ("air_handler", "AHU-FLT", "Filter used for <70..80> % of its service time"),
    ("till", "POS-ROLL", "Receipt roll will last about <40..90> receipts"),
    ("vacuum", "V-BAG", "Dust bag <60..75> % full"),
    ("ev_charger", "EV-RES", "Bay reserved by app until <10..59> past"),
    ("inverter", "PV-SLEEP", "Inverter waits for light"),
    ("lift", "L-SERV", "Regular service in <12..30> days"),
    ("camera", "CAM-DAY", "Switched to day picture"),
    ("washer", "W-FREE", "Machine free again"),
    ("room_panel", "RP-EARLY", "Room released early"),
    ("boiler", "B-PUMP", "Weekly pump exercise done"),
)


def everyday_alarms(building: Building, day: tuple[int, int], count: int, rng: Random) -> Iterator[DemoEvent]:
    """Raise `count` notices at random and clear each some minutes later, within the day (its start and end)."""
    present = [notice for notice in _NOTICES if building.of_type(notice[0])]
    if not present:
        return
    events = []
    for _ in range(count):
        device_type, code, words = rng.choice(present)
        device_id, text = rng.choice(building.of_type(device_type)).device_id, fill(words, rng)
        raised_us = rng.randrange(*day)
        cleared_us = raised_us + rng.randrange(60_000_000, 1_800_000_000)
        for time_us, severity, state in ((raised_us, "indeterminate", "raise"), (cleared_us, "cleared", "clear")):
            if time_us < day[1]:
                fields: dict[str, object] = {"code": code, "text": text, "perceived_severity": severity, "state": state}
                events.append(DemoEvent(ALARMS.name, device_id, time_us, fields))
    yield from sorted(events, key=lambda event: event.time_us)
