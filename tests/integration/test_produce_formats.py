"""`hubbub produce` of raw lines, CSV and Parquet: rows as the topic declares them, and where a mistake lies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.written_events import events

Hubbub = Callable[..., Any]


def test_raw_log_lines(hubbub: Hubbub, tmp_path: Path) -> None:
    path = tmp_path / "router.log"
    path.write_bytes(
        b"no time before this one\n"
        b"Mar  1 08:00:00 gate-7 dhcpd[77]: <error> lease pool exhausted \xff\n"
        b"\tat some.Frame(Lease.java:7)\n"
    )
    answer = hubbub("produce", "device.logs", path, "--year", "2026", "--timezone", "UTC")
    assert answer.status == 0, answer.err
    first, gate, frame = sorted(
        events("device.logs"), key=lambda one: ("event_time" in one, "at some" in one["message"])
    )
    assert (first["device_id"], first["message"], "event_time" in first) == ("router", "no time before this one", False)
    assert (gate["device_id"], gate["component"], gate["process_id"]) == ("gate-7", "dhcpd", "77")
    assert gate["event_time"] == "2026-03-01T08:00:00.000000Z"
    assert (frame["device_id"], frame["event_time"]) == (gate["device_id"], gate["event_time"])
    assert "1 lines have no time before them" in answer.err
    assert "1 lines are not UTF-8" in answer.err


def test_csv_is_read_as_the_topic_declares(hubbub: Hubbub, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "device_id,event_time,metric,value,room\n"
        'd1,2026-03-01 08:00,temp,-18.5,"cold, very"\n'
        "d1,2026-03-01 08:01,temp,,\n"
    )
    assert hubbub("produce", "device.telemetry", path, "--timezone", "+01:00").status == 0
    first = {"device_id": "d1", "event_time": "2026-03-01T07:00:00.000000Z", "metric": "temp"}
    second = {**first, "event_time": "2026-03-01T07:01:00.000000Z"}
    assert events("device.telemetry") == [{**first, "value": -18.5, "room": "cold, very"}, second]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("device_id,metric,value\nd,t,warm\n", "line 2: expected a number in value, got 'warm'"),
        ("device_id,metric,value\nd,t,nan\n", "line 2: expected a number in value, got 'nan'"),
        ("device_id,metric,value\nd,t\n", "line 2: expected 3 cells as in the header, got 2"),
        ('device_id,metric,value\n"d\nd",t,1\nd,t,x\n', "line 4: expected a number in value, got 'x'"),
        ("device_id,metric,device_id\n", "line 1: expected each column once, got 'device_id' twice"),
        ('device_id,metric\nd,"t"x\n', "line 2: expected CSV, got a mistake"),
        ("device_id,value\nd,1\n", "line 2: expected metric, which is required, got none"),
    ],
)
def test_a_mistake_in_csv_says_where(hubbub: Hubbub, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    answer = hubbub("produce", "device.telemetry", path)
    assert answer.status == 2
    assert f"{path}, {said}" in answer.err
    assert not Path("hubbub.db").exists()


def test_csv_that_is_no_utf8(hubbub: Hubbub, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"device_id,metric\nd,caf\xe9\n")
    answer = hubbub("produce", "device.telemetry", path)
    assert (answer.status, "line 2: expected UTF-8, got a byte at position 5" in answer.err) == (2, True)


def test_parquet(hubbub: Hubbub, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    moment = datetime.fromisoformat("2026-03-01T08:00:00")
    table = pa.table(
        {
            "device_id": ["d1", "d2"],
            "event_time": pa.array([moment, moment], pa.timestamp("ns")),
            "metric": ["a", "b"],
            "value": ["1.5", None],
        }
    )
    pq.write_table(table, path)
    assert hubbub("produce", "device.telemetry", path, "--timezone", "+02:00").status == 0
    assert events("device.telemetry") == [
        {"device_id": "d1", "event_time": "2026-03-01T06:00:00.000000Z", "metric": "a", "value": 1.5},
        {"device_id": "d2", "event_time": "2026-03-01T06:00:00.000000Z", "metric": "b"},
    ]


def test_what_is_no_parquet_is_refused(hubbub: Hubbub, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 is not enough")
    answer = hubbub("produce", "device.telemetry", path)
    assert (answer.status, "expected a Parquet file, got a mistake" in answer.err) == (2, True)
