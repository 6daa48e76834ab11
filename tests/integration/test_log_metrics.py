"""A log line with a strange number raises an alert, end to end; a line without numbers has no answer about any."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.telemetry_model import TelemetryModel
from tests.tiny_text_bundle import write_tiny_text_bundle

Hubbub = Callable[..., Any]


def line(minute: int, lag: float | None) -> dict[str, object]:
    said = {"device_id": "gw-3", "event_time": f"2026-03-01T{8 + minute // 60:02d}:{minute % 60:02d}:00Z"}
    return {**said, "message": "queue checked", **({} if lag is None else {"metrics": {"lag": lag}})}


def test_a_strange_number_in_a_line_raises_an_alert(hubbub: Hubbub, tmp_path: Path) -> None:
    (tmp_path / "hubbub.toml").write_text(f'[models]\ntext-enzh = "{write_tiny_text_bundle(tmp_path / "tiny")}"\n')
    lags = [20.0 + minute * 7 % 11 * 0.1 for minute in range(120)]
    events = [line(minute, lag) for minute, lag in enumerate([*lags, 900.0, 910.0])] + [line(122, None)]
    (tmp_path / "lines.jsonl").write_text("".join(json.dumps(one) + "\n" for one in events))
    assert hubbub("produce", "device.logs", "lines.jsonl").status == 0
    ran = hubbub("run", "logs", "alerts", "--until-end")
    assert ran.status == 0, ran.err

    enriched = [json.loads(one)["hubbub"] for one in hubbub("subscribe", "device.logs.enriched", "--json").lines]
    assert [at for at, one in enumerate(enriched) if one["odd_reading"] is not None] == [120, 121]
    assert [len(one["readings"] or ()) for one in enriched] == [1] * 122 + [0]

    alerts = [json.loads(one) for one in hubbub("subscribe", "--json").lines]
    [fired] = [one for one in alerts if one["rule"] == "log_reading_anomaly" and one["state"] == "firing"]
    assert (fired["device_id"], fired["labels"]["metric"], fired["count"]) == ("gw-3", "lag", 2)
    assert fired["summary"].startswith("gw-3: lag 910 is outside 1")
    assert fired["summary"].endswith(" (2 lines since 10:00)")
    [first, last] = fired["evidence"]
    assert (first["kind"], first["metric"], first["value"], first["text"]) == ("log", "lag", 900.0, "queue checked")
    assert last["model"] == TelemetryModel.named().identity
