"""What the counting jobs must have put out, worked out one record at a time from the log and its ticks alone.

Written from the words of ARCHITECTURE.md ("Time") and tests/jobs/counting.py, with none of the engine's code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

DAY_S = 86_400.0
REMEMBERED = 32
SILENCE_S = 60.0


@dataclass(frozen=True)
class Line:
    """One record of a partition: which device, when, and the event it is; `at` None is no row."""

    device: str
    event_id: str
    at: float | None


@dataclass
class Expected:
    """`numbers`: (event id, number) in order. `silences`: (device, state) in order. `refused`: how many are no rows."""

    numbers: list[tuple[str, int]] = field(default_factory=list)
    silences: list[tuple[str, str]] = field(default_factory=list)
    refused: int = 0


@dataclass
class _Device:
    lines: int = 0
    last: float = 0.0
    deadline: float | None = None
    silent: bool = False
    # Events delivered lately, the latest last, and until which time they are remembered.
    delivered: list[str] = field(default_factory=list)
    until: float = float("-inf")


def expected(lines: Sequence[Line], lateness_s: float, ticks: Mapping[int, Sequence[float]] | None = None) -> Expected:
    """Return what comes of a partition. `ticks`: by offset, watermarks observed before the line there was written."""
    found = Expected()
    devices: dict[str, _Device] = {}
    high = floor = float("-inf")

    def fire() -> None:
        watermark = max(high - lateness_s, floor)
        due = sorted(
            (one.deadline, name)
            for name, one in devices.items()
            if one.deadline is not None and one.deadline <= watermark
        )
        for _, name in due:
            found.silences.append((name, "silent"))
            devices[name].deadline, devices[name].silent = None, True

    for offset, line in enumerate([*lines, None]):
        for watermark in (ticks or {}).get(offset, ()):
            floor = max(floor, watermark)
        fire()
        if line is None:
            break
        if line.at is None:
            found.refused += 1
            continue
        watermark = max(high - lateness_s, floor)
        device = devices.setdefault(line.device, _Device())
        if device.until <= watermark:
            device.delivered = []
        if line.event_id not in device.delivered:
            device.delivered = [*device.delivered, line.event_id][-REMEMBERED:]
            device.until = max(device.until, max(line.at, watermark) + DAY_S)
            device.lines += 1
            found.numbers.append((line.event_id, device.lines))
            if device.silent and line.at > device.last:
                found.silences.append((line.device, "back"))
                device.silent = False
            device.last = max(device.last, line.at)
            device.deadline = None if device.silent else device.last + SILENCE_S
            if device.deadline is not None and device.deadline <= watermark:
                found.silences.append((line.device, "silent"))
                device.deadline, device.silent = None, True
        high = max(high, line.at)
    fire()
    return found
