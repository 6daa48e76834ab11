"""Great Expectations over a history's windows: a clean day passes, planted faults are found, and it knows its time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipelines.demo.building import MULBERRY_CORNER
from pipelines.demo.event import rfc3339
from pipelines.demo.plan import A_QUICK_DAY
from pipelines.demo.simulate import Simulation
from pipelines.replay.quality import cold
from tests.tiny_text_bundle import write_tiny_text_bundle

Hubbub = Callable[..., Any]
END_US = 1_767_312_000_000_000  # 2026-01-02T00:00:00Z
SEED = 3
TIME = ("--quality-budget", "240")  # enough where much else goes on
MARKUP = '<img src=x onerror=alert(1)>"$metric'
REFUSED, METRIC = "the record is a row of its topic", "metric is there"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    write_tiny_text_bundle(tmp_path / "bundle")
    (tmp_path / "hubbub.toml").write_text('[models]\ntext-enzh = "bundle"\n', encoding="utf-8")
    return tmp_path


def test_a_clean_day_passes_and_its_pages_lie_beside_the_report(hubbub: Hubbub, here: Path) -> None:
    """All four topics, window by window."""
    print("seed", SEED)
    simulation = Simulation(MULBERRY_CORNER, A_QUICK_DAY, seed=SEED, end_us=END_US, about=500, learning_days=0)
    lines = [
        {"topic": event.topic, "device_id": event.device_id, "event_time": rfc3339(event.time_us), **event.fields}
        for event in simulation.events()
        if "topic" not in event.fields
    ]
    (here / "day.jsonl").write_bytes(b"\n".join(map(orjson.dumps, lines)))
    answer = hubbub("replay", "--input", "day.jsonl", "--report", "report", *TIME)
    assert answer.status == 0, answer.err
    report = _report(here)
    found = report["quality"]["great_expectations"]
    assert (found["status"], found["failed"], found["notes"]) == ("done", [], [])
    assert found["windows"] > 10 and found["checks"] > 5 * found["windows"]
    assert all(one["holds"] for one in report["quality"]["expectations"])
    page = (here / "report" / "report.html").read_text(encoding="utf-8")
    assert 'href="quality/index.html"' in page
    index = (here / "report" / "quality" / "index.html").read_text(encoding="utf-8")
    assert "device.telemetry" in index and "customer.messages" in index


def test_finds_what_was_planted_and_nothing_else(hubbub: Hubbub, here: Path) -> None:
    """A required value left out, a category that is none, two readings below absolute zero; and the same command twice
    gives the same bytes, but for the timings."""
    good = {"device_id": "d1", "metric": "temp", "value": 20.0, "unit": "Cel"}
    times = [f"2026-01-01T{hour:02}:{minute:02}:00Z" for hour in range(2) for minute in range(0, 60, 2)]
    readings = [good | {"event_time": at} for at in times]
    del readings[3]["metric"]
    readings[10] |= {"value": -400.0}
    readings[40] |= {"value": -300.0, "metric": MARKUP}
    alarms = [{"device_id": "d1", "event_time": at, "text": "door", "perceived_severity": "major"} for at in times]
    alarms[5] |= {"perceived_severity": MARKUP}
    for topic, rows in (("device.telemetry", readings), ("alarms", alarms), ("device.logs", [])):
        (here / "rows.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
        assert hubbub("produce", topic, "rows.jsonl", "--raw").status == 0
    assert hubbub("run", "telemetry", "alarms", "alerts", "--until-end").status == 0
    chosen = [word for name in ("telemetry", "alarms", "alerts") for word in ("--pipeline", name)]
    (here / "labels.jsonl").write_bytes(orjson.dumps({"device_id": "d1", "from": times[0], "until": times[9]}))
    reports = []
    for _ in range(2):
        answer = hubbub("replay", *chosen, "--labels", "labels.jsonl", "--report", "report", *TIME)
        assert answer.status == 0, answer.out + answer.err
        reports.append(_report(here))
    assert [one.pop("timings").keys() for one in reports] == [{"baseline_s", "candidate_s"}] * 2
    assert orjson.dumps(reports[0]) == orjson.dumps(reports[1])
    found = reports[0]["quality"]["great_expectations"]
    assert found["status"] == "done", found
    broken = {(one["topic"], one["sentence"]): one for one in found["failed"]}
    telemetry, severity = "device.telemetry", "perceived_severity is one of critical, major, minor, warning"
    cold_find = [one for one in found["failed"] if one["topic"] == telemetry and "where unit is Cel" in one["sentence"]]
    assert [(one["broken"], one["examples"]) for one in cold_find] == [(1, ["-400.0"]), (1, ["-300.0"])]
    assert broken[telemetry, REFUSED]["examples"] == ["schema: expected metric, which is required, got none"]
    assert broken[telemetry, METRIC]["broken"] == 1
    [category] = [one for (topic, said), one in broken.items() if topic == "alarms" and said.startswith(severity)]
    assert category["broken"] == 1 and category["examples"][0].startswith("‹img src")
    assert {topic for topic, _ in broken} == {telemetry, "alarms"}
    assert len(found["failed"]) == 6  # the two readings, and of either topic the refused record and what is wrong in it
    pages = [path.read_text(encoding="utf-8") for path in (here / "report" / "quality").rglob("*.html")]
    assert len(pages) > 4 and not any("<img src=x" in page for page in pages)
    own = (here / "report" / "report.html").read_text(encoding="utf-8")
    assert "-400" in own and "<img src=x" not in own


def test_stops_when_its_time_is_up(hubbub: Hubbub, here: Path) -> None:
    """The replay's answer does not wait for it, and says how far it came."""
    (here / "alarms.jsonl").write_bytes(orjson.dumps({"device_id": "d1", "event_time": "2026-01-01T00:00:00Z"}))
    answer = hubbub("replay", "--input", "alarms.jsonl", "--report", "report", "--quality-budget", "0.1")
    assert answer.status == 0, answer.err
    found = _report(here)["quality"]["great_expectations"]
    assert found["status"] == "out of time"
    assert "0 of 1 windows were validated in 0.1 s; --quality-budget gives it more" in found["notes"][0]


def test_says_what_to_install(hubbub: Hubbub, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cold, "LIBRARY", "a_library_that_nobody_has")
    (here / "alarms.jsonl").write_bytes(orjson.dumps({"device_id": "d1", "event_time": "2026-01-01T00:00:00Z"}))
    answer = hubbub("replay", "--input", "alarms.jsonl", "--report", "report", *TIME)
    assert answer.status == 0, answer.err
    assert _report(here)["quality"]["great_expectations"]["status"] == "not installed"
    page = (here / "report" / "report.html").read_text(encoding="utf-8")
    assert "pip install &#x27;hubbub[quality]&#x27;" in page
    assert not (here / "report" / "quality").exists()


def _report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report" / "report.json").read_bytes())
    return found
