"""How one type of device talks: its routine lines, its harmless lines that look alarming, and how it starts up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One log line: the device's own word for its severity, who in the device says it, and a phrase with gaps."""

    severity_text: str
    component: str
    phrase: str


@dataclass(frozen=True)
class Chatter:
    """What the devices of one type say.

    `pace` is how talkative they are, relative to the others. `scary` lines are harmless, whatever their words
    suggest. `reboot` is said in this order, a second or so apart.
    """

    device_type: str
    pace: float
    routine: tuple[Line, ...]
    scary: tuple[Line, ...]
    reboot: tuple[Line, ...]


def lines(table: str) -> tuple[Line, ...]:
    """Read a drawn table of lines, `severity | component | phrase`.

    >>> lines("info | fan | speed <2..2>")
    (Line(severity_text='info', component='fan', phrase='speed <2..2>'),)
    """
    return tuple(
        Line(*(cell.strip() for cell in row.split(" | ", 2))) for row in table.splitlines() if row and not row.isspace()
    )
