"""Signals of three devices, a little out of order: one falls ill and raises an alarm, one is well, one is cleared."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def signal(device_id: str, minute: float, *kinds: str, what: str = "box_temp", cleared: bool = False) -> Row:
    """One row of device.signals, so many minutes after midnight."""
    seconds = round(minute * 60)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    source = {"topic": "device.telemetry", "partition": 0, "offset": seconds}
    return {
        "device_id": device_id,
        "event_time": f"2026-03-01T{clock}Z",
        "kinds": list(kinds),
        "what": what,
        "cleared": cleared,
        "input": {"event_id": f"{hash_of(device_id, seconds):032x}", **source},
    }


def hash_of(device_id: str, seconds: int) -> int:
    """A number that tells rows apart."""
    return int.from_bytes(device_id.encode(), "big") * 100_000 + seconds


def falling_ill(device_id: str, start: float) -> list[Row]:
    """Anomalies, then warnings and errors, ever closer together, then the alarm, and its end."""
    rows = [signal(device_id, start + 4.0 * i, "anomaly") for i in range(8)]
    rows += [signal(device_id, start + 9 + 6.0 * i, "abnormal_line", "warning_line", what="t1") for i in range(4)]
    rows += [
        signal(device_id, start + 30 + 3.0 * i, "novel_line", "abnormal_line", "error_line", what=f"e{i}")
        for i in range(6)
    ]
    rows.append(signal(device_id, start + 55, "major_alarm", what="F-HT"))
    rows.append(signal(device_id, start + 90, what="F-HT", cleared=True))
    return rows


def signals() -> list[Row]:
    """All of them, as they might arrive."""
    rows = falling_ill("ill", 10) + [signal("well", 7 + 31.0 * i, "novel_line") for i in range(6)]
    rows += [signal("loud", 3.0 * i, "warning_line", what="t9") for i in range(9)]
    rows.append(signal("well", 400, "novel_line"))
    rows += [*falling_ill("mute", 300)[4:-2], signal("mute", 520, "novel_line")]  # quiet for hours while it is likely
    rows.append(signal("ill", 230, "novel_line"))  # comes late
    rows.sort(key=lambda row: (row["event_time"], row["device_id"]))
    for at in range(3, len(rows) - 1, 7):
        rows[at], rows[at + 1] = rows[at + 1], rows[at]
    return rows
