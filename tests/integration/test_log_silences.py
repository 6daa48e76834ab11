"""From raw lines to the alert that a regular one stays away, and to its end, through the whole job."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.patience import PATIENCE_S

HUBBUB = [sys.executable, "-m", "pipelines.command_line"]


def hubbub(*arguments: str, stdin: str = "") -> list[dict[str, object]]:
    done = subprocess.run(
        [*HUBBUB, *arguments], input=stdin, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def line(minute: int, message: str) -> str:
    time = f"2026-03-01T{8 + minute // 60:02d}:{minute % 60:02d}:00Z"
    return json.dumps({"device_id": "pump-7", "event_time": time, "message": message})


def test_a_heartbeat_that_stays_away_is_an_alert_until_it_is_back(tmp_path: Path) -> None:
    broker = f"sqlite:{tmp_path / 'hubbub.db'}"
    beats = [line(minute, f"heartbeat {minute} sent") for minute in range(20)]
    away = [*beats, line(35, "valve opened"), line(40, "valve closed")]
    hubbub("produce", "device.logs", "-", "--broker", broker, stdin="\n".join(away) + "\n")
    hubbub("run", "logs", "log_silences", "--until-end", "--broker", broker)
    [silence] = hubbub("subscribe", "device.log_silences", "--json", "--broker", broker)
    assert silence["template"] == "heartbeat <*> sent"
    times = [str(silence[name])[:19] for name in ("event_time", "last_seen")]
    assert times == ["2026-03-01T08:24:00", "2026-03-01T08:19:00"]
    assert silence["hubbub"]["silence"] == {"label": "silent"}  # type: ignore[index]
    [alert] = [one for one in hubbub("alerts", "--json", "--broker", broker) if one["rule"] == "log_silence"]
    assert alert["state"] == "firing"
    assert alert["summary"] == 'pump-7: a regular line stays away since 08:24: "heartbeat <*> sent"'
    assert alert["evidence"][0]["event_id"] == silence["hubbub"]["input"]["event_id"]  # type: ignore[index]

    back = [line(60, "heartbeat 60 sent"), line(62, "heartbeat 62 sent")]
    hubbub("produce", "device.logs", "-", "--broker", broker, stdin="\n".join(back) + "\n")
    hubbub("run", "logs", "log_silences", "--until-end", "--broker", broker)
    assert [one for one in hubbub("alerts", "--json", "--broker", broker) if one["rule"] == "log_silence"] == []
