"""The pipeline of docs/own-data.md is run as it stands: first without a model, then with the one learnt from that."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from infra.broker import TopicPartition
from infra.sqlite.broker import SqliteBroker
from models.training.sequences.train import Options, train_sequences
from pipelines.catalog import find_pipeline
from pipelines.engines.embedded_engine import EmbeddedEngine
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append
from tests.golden.test_docs import python_blocks
from tests.tiny_sequence_bundle import boots, write_rows

MINUTE = 60


def run_sessions(folder: Path, sessions: list[list[str]]) -> list[dict[str, Any]]:
    """Run the page's pipeline over lines of these sessions, each five minutes behind the other."""
    importlib.invalidate_caches()
    sys.modules.pop("sessions", None)
    lines = [(i * 5 * MINUTE + j, event) for i, one in enumerate([*sessions, ["end"]]) for j, event in enumerate(one)]
    with SqliteBroker(folder / "hubbub.db") as broker:
        broker.create_topics([DEVICE_LOGS])
        rows = [
            {
                "device_id": "d1",
                "event_time": f"2026-03-0{1 + s // 86400}T{s // 3600 % 24:02d}:{s // 60 % 60:02d}:{s % 60:02d}Z",
                "message": f"{event} came up",
            }
            for s, event in lines
        ]
        broker.append([Append("device.logs", b"d1", orjson.dumps(row)) for row in rows])
        EmbeddedEngine(broker).run([find_pipeline("sessions:SESSIONS")], until_end=True)
        records = broker.read(TopicPartition("device.sessions", 1), 0, max_records=999, max_bytes=9_999_999)
    sys.modules.pop("sessions", None)
    return [orjson.loads(record.value or b"") for record in records]


def test_sessions_are_learnt_and_then_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [source] = python_blocks("own-data.md")
    (tmp_path / "sessions.py").write_text(source, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "first").mkdir()
    learnt = run_sessions(tmp_path / "first", boots(3, 60))
    assert len(learnt) == 60 and {row["cut"] for row in learnt} == {"quiet"}
    assert [len(row["events"]) for row in learnt] == [len(one) for one in boots(3, 60)]
    data = write_rows(tmp_path / "sessions.jsonl", learnt)
    train_sequences(Options(data, tmp_path / "boot"))
    (tmp_path / "second").mkdir()
    [good, bad] = run_sessions(tmp_path / "second", [boots(3, 1)[0], ["power", "login"]])
    assert good["anomaly"]["is_anomaly"] is False and bad["anomaly"]["is_anomaly"] is True
    assert {one["kind"] for one in bad["anomaly"]["because"]} == {"missing"}
