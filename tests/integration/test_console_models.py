"""The console's models: their cards, drift, what people said of alerts, a bundle that is refused."""

from __future__ import annotations

import json
from pathlib import Path

from starlette.testclient import TestClient

from infra.settings import Settings
from infra.sqlite.broker import SqliteBroker
from pipelines.alert_actions import write_action
from pipelines.catalog import shipped_pipeline
from pipelines.console.console import Console
from pipelines.console.drift_look import DriftLook
from pipelines.drift.kept_drift import drift_of_last_rows
from tests.broker_subject import eventually
from tests.console_client import logged_in, reads_of
from tests.console_troubled_world import FORBIDDEN, HOSTILE
from tests.console_world import NOW_US, alert


def test_models_show_their_cards(troubled_console: tuple[TestClient, Console]) -> None:
    client, _ = troubled_console
    page = client.get("/models").text
    assert 'href="/models/text-enzh"' in page
    assert "Nobody has judged an alert yet." in page
    page = client.get("/models/text-enzh").text
    for said in (
        "Apache-2.0",
        "safety_hazard",
        "Reliability of topic: ",
        'class="confusion"',
        "multilingual-e5-small",
        "tokenizer.json",
    ):
        assert said in page, said
    assert "left_out" in client.get("/models/telemetry-level").text
    assert client.get("/models/nothing").status_code == 404
    assert client.get("/models/..%2Ftext-enzh").status_code == 404


def test_drift_is_told_of_what_models_answered_lately(troubled_console: tuple[TestClient, Console]) -> None:
    client, _ = troubled_console
    assert "Looking …" in client.get("/drift").text, "a page waits for nobody"
    assert eventually(lambda: "Looking …" not in client.get("/drift").text)
    page = client.get("/drift").text
    assert "Are events still like those that the models know?" in page
    of_readings = page[page.index(">device.telemetry <") :]
    assert 'class="chip bad">has drifted<' in of_readings, "a made-up fridge that is warm a quarter of the time"
    assert "anomaly.score" in of_readings
    assert client.get("/drift").text == page, "who asks again soon gets the same"


def test_a_look_for_drift_that_failed_is_told_and_tried_again(troubled_site: Path, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    with logged_in(troubled_site, settings=Settings(models={"text-enzh": str(tmp_path / "broken")})) as (client, _):
        assert client.get("/drift").status_code == 200
        assert eventually(lambda: client.get("/drift").status_code == 400)
        assert eventually(lambda: client.get("/drift").status_code == 200)


def test_a_look_for_drift_that_is_to_stop_reads_no_further(troubled_site: Path) -> None:
    look = DriftLook()
    with SqliteBroker(troubled_site) as broker, reads_of(broker) as reads:
        assert drift_of_last_rows(shipped_pipeline("telemetry"), broker, stop=lambda: True) == []
        assert len(reads) == 1
        look.close()
        assert look.told(broker, {}) is None
        look.close()
        assert len(reads) == 1, "who asks after the end begins nothing"


def test_what_people_said_of_alerts_is_shown_and_given_out(troubled_site: Path) -> None:
    judged = {
        **alert("odd", minutes_ago=9),
        "evidence": [{"event_id": "e", "kind": "log", "text": HOSTILE, "label": "x"}],
    }
    with SqliteBroker(troubled_site) as broker:
        write_action(broker, judged, "wrong", by=HOSTILE, text=HOSTILE, should_be="normal", now_us=NOW_US)
    with logged_in(troubled_site) as (client, _):
        page = client.get("/models").text
        assert "1 verdict" in page
        assert not any(forbidden in page for forbidden in FORBIDDEN)
        rows = client.get("/feedback.jsonl")
        assert rows.headers["content-disposition"] == 'attachment; filename="feedback.jsonl"'
        assert json.loads(rows.text)["verdict"] == "wrong"
        assert json.loads(client.get("/feedback-texts.jsonl").text) == {"text": HOSTILE, "label": "normal"}


def test_a_bundle_that_is_refused_says_why(troubled_site: Path, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "card.json").write_text("{}")
    with logged_in(troubled_site, settings=Settings(models={"mine": str(tmp_path / "broken")})) as (client, _):
        page = client.get("/models").text
        assert "card.json.sha256 is missing" in page
        assert client.get("/models/mine").status_code == 404
