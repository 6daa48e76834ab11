"""From enriched events to forecasts and their alerts, on a broker: however steps are cut, the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from infra.sqlite.broker import SqliteBroker
from pipelines.catalog import FORECASTING, find_pipeline, with_feeders
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.graph import topics_of
from pipelines.engines.job_settings import JobSettings
from schemas.alerts import ALERTS
from schemas.device_forecasts import DEVICE_FORECASTS
from schemas.record import Append
from tests.incident_suite import rows_of
from tests.signal_rows import falling_ill, signal

LABEL = {"label": "true", "score": 0.97, "model": "m"}


def enriched(row: dict[str, Any], number: int) -> Append:
    """An enriched event in which exactly this is notable."""
    kinds, what = set(row["kinds"]), row["what"]
    place = {"event_id": f"{number:032x}", "topic": "t", "partition": 0, "offset": number}
    event: dict[str, Any] = {"device_id": row["device_id"], "event_time": row["event_time"]}
    hubbub: dict[str, Any] = {"input": place, "late": False}
    if "anomaly" in kinds:
        topic = "device.telemetry"
        event |= {"metric": what, "value": 9.0}
        hubbub["anomaly"] = {"score": 0.99999, "is_anomaly": True, "kind": "spike", "model": "m"}
    elif row["cleared"] or "major_alarm" in kinds:
        topic = "alarms"
        raised = "raise" if "major_alarm" in kinds else "clear"
        severity = "major" if "major_alarm" in kinds else "cleared"
        event |= {"code": what, "text": "too warm", "perceived_severity": severity, "state": raised}
    else:
        topic = "device.logs"
        level = "minor" if "error_line" in kinds else "warning" if "warning_line" in kinds else "indeterminate"
        event |= {"message": "x", "severity": level}
        hubbub |= {"template_id": what, "novelty": 1.0 if "novel_line" in kinds else 0.0, "novelty_kind": "new"}
        hubbub["abnormal"] = LABEL if "abnormal_line" in kinds else {**LABEL, "label": "false"}
    return Append(f"{topic}.enriched", row["device_id"].encode(), orjson.dumps({**event, "hubbub": hubbub}))


def run(path: Path, batch_records: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Work everything through; return forecasts and alerts without what says where they lie."""
    rows = falling_ill("freezer-2", 10) + [signal("well", 31.0 * i, "novel_line") for i in range(12)]
    rows.sort(key=lambda row: str(row["event_time"]))
    with SqliteBroker(path) as broker:
        pipelines = [find_pipeline(name) for name in with_feeders(["forecasts"])]
        broker.create_topics(topics_of(pipelines))
        broker.append([enriched(row, number) for number, row in enumerate(rows)])
        settings = JobSettings(tick_s=None, batch_records=batch_records)
        EmbeddedEngine(broker, settings).run(pipelines, until_end=True)
        found = []
        for topic in (DEVICE_FORECASTS, ALERTS):
            kept = [
                {k: v for k, v in row.items() if k not in ("received_at", "origin")} for row in rows_of(broker, topic)
            ]
            found.append(sorted(kept, key=lambda row: (row["device_id"], row["event_time"], row["event_id"])))
    return found[0], found[1]


def test_forecasts_stands_for_all_that_it_takes() -> None:
    assert with_feeders(["forecasts"]) == [*FORECASTING]


def test_readings_lines_and_alarms_come_together_to_a_forecast_and_its_alert(tmp_path: Path) -> None:
    forecasts, alerts = run(tmp_path / "a.db", 1000)
    ill = [row for row in forecasts if row["device_id"] == "freezer-2"]
    assert {row["hubbub"]["forecast"]["label"] for row in ill} == {"likely", "unlikely"}
    assert {row["hubbub"]["forecast"]["label"] for row in forecasts if row["device_id"] == "well"} == {"unlikely"}
    assert {row["rule"] for row in alerts} == {"failure_forecast"}
    assert {row["device_id"] for row in alerts} == {"freezer-2"}
    first = alerts[0]
    assert (first["state"], first["severity"]) == ("firing", "warning")
    assert first["summary"].startswith("freezer-2: a serious alarm is likely soon: ")
    [evidence] = first["evidence"]
    assert (evidence["kind"], evidence["label"]) == ("forecast", "likely")
    assert evidence["words"]
    assert evidence["score"] >= 0.5
    assert alerts[-1]["state"] == "resolved"


@pytest.mark.parametrize("batch_records", [1, 7])
def test_it_does_not_matter_where_steps_are_cut(tmp_path: Path, batch_records: int) -> None:
    assert run(tmp_path / "a.db", batch_records) == run(tmp_path / "b.db", 1000)
