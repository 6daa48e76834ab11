"""`hubbub replay --input`: the same rows as JSON lines, CSV and Parquet tell of the same alerts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from tests.tiny_text_bundle import write_tiny_text_bundle

Hubbub = Callable[..., Any]
ROWS = [
    {
        "device_id": f"d{minute % 3}",
        "event_time": f"2026-03-01T08:{minute:02}:00Z",
        "code": f"E-{minute % 2}",
        "text": "door open",
        "perceived_severity": ("major", "critical")[minute % 5 == 0],
        "state": ("raise", "clear")[minute // 6 % 2],
    }
    for minute in range(40)
]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    write_tiny_text_bundle(tmp_path / "bundle")
    (tmp_path / "hubbub.toml").write_text('[models]\ntext-enzh = "bundle"\n', encoding="utf-8")
    table = pa.Table.from_pylist(ROWS)
    (tmp_path / "alarms.jsonl").write_bytes(b"\n".join(map(orjson.dumps, ROWS)))
    pa_csv.write_csv(table, tmp_path / "alarms.csv")
    pq.write_table(table, tmp_path / "alarms.parquet")
    times = pa.array([row["event_time"] for row in ROWS]).cast(pa.timestamp("ns", tz="UTC"))
    pq.write_table(table.set_column(1, "event_time", times), tmp_path / "night.parquet")
    return tmp_path


def test_every_kind_of_file_tells_of_the_same_alerts(hubbub: Hubbub, here: Path) -> None:
    """But for the ids, which are made of the file's own bytes; and a candidate differs in the same way."""
    found = []
    for file, *topic in (["alarms.jsonl"], ["alarms.csv"], ["alarms.parquet"], ["night.parquet", "--topic", "alarms"]):
        answer = hubbub("replay", "--input", file, *topic, "--set", "device_alarm.resolve_after_s=60", "--json")
        assert answer.status == 1, answer.err
        report = json.loads(answer.out)
        assert report["history"]["broker"] == file
        assert report["history"]["events"] == {"alarms": 40}
        alerts = [*report["alerts"]["added"], *(one["candidate"] for one in report["alerts"]["changed"])]
        told = ("device_id", "severity", "opened_at", "fired_at", "resolved_at", "resolved_by", "count")
        found.append(([{name: one[name] for name in told} for one in alerts], report["alerts"]["by_kind"]))
    assert found[0][0] and all(one == found[0] for one in found[1:])


def test_several_files_are_one_history(hubbub: Hubbub, here: Path) -> None:
    logs = [{"device_id": "d1", "event_time": row["event_time"], "message": "pump stopped"} for row in ROWS]
    (here / "device.logs.jsonl").write_bytes(b"\n".join(map(orjson.dumps, logs)))
    answer = hubbub("replay", "--input", "alarms.parquet", "--input", "device.logs.jsonl", "--json")
    assert answer.status == 0, answer.err
    assert json.loads(answer.out)["history"]["events"] == {"device.logs": 40, "alarms": 40}


def test_labels_without_alerts_and_thresholds_without_owner_are_said(hubbub: Hubbub, here: Path) -> None:
    (here / "labels.jsonl").write_bytes(
        orjson.dumps({"device_id": "d1", "from": "2026-03-01T08:00:00Z", "until": "2026-03-01T09:00:00Z"})
    )
    answer = hubbub("replay", "--input", "alarms.csv", "--pipeline", "alarms", "--labels", "labels.jsonl", "--json")
    assert answer.status == 0, answer.err
    assert "the labels say nothing here: none of these pipelines raises alerts" in json.loads(answer.out)["notes"]
    refused = hubbub("replay", "--input", "alarms.csv", "--pipeline", "alarms", "--set", "device_alarm.count=2")
    assert refused.status == 2 and "got 'device_alarm.count'" in refused.err
