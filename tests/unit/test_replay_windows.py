"""Windows of a history: rows go where their time says, what is no row is there as far as it can be read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest

from infra.sqlite.broker import SqliteBroker
from pipelines.replay.kept_history import Range, kept_history
from pipelines.replay.quality import windows as module
from pipelines.replay.quality.windows import Windows, windows_of, write_windows
from pipelines.replay.survey import MINUTE_US, Survey, survey_history
from schemas.alarms import ALARMS
from schemas.answers import DEVICE_TELEMETRY_ENRICHED
from schemas.record import Append

MARCH_MINUTE = 29_538_720  # 2026-03-01T00:00Z in minutes since 1970


def survey(minutes: dict[int, int]) -> Survey:
    return Survey(by_minute=Counter(minutes))


def test_a_day_has_windows_of_three_hours() -> None:
    found = windows_of(survey({MARCH_MINUTE + n: 2 for n in range(1440)}))
    assert found is not None
    assert found.width_us == 180 * MINUTE_US
    assert found.last - found.first + 1 == 8
    assert found.name(found.first) == "2026-03-01T00:00Z"


def test_one_event_far_away_makes_no_window() -> None:
    """It counts into the nearest, and the others keep their width."""
    minutes = {MARCH_MINUTE + n: 10 for n in range(60)}
    found = windows_of(survey(minutes | {0: 1}))
    assert found == windows_of(survey(minutes))


def test_no_events_no_windows() -> None:
    assert windows_of(Survey()) is None


@pytest.mark.parametrize(("minutes", "width"), [(1, 1), (8, 1), (9, 5), (60, 10), (10_000, 1440), (200_000, 25_920)])
def test_widths_are_what_a_person_would_choose(minutes: int, width: int) -> None:
    found = windows_of(survey({MARCH_MINUTE + n: 1 for n in range(minutes)}))
    assert found is not None and found.width_us == width * MINUTE_US


def test_writes_rows_and_what_could_be_read_of_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong severity and no JSON at all; markup becomes plain; windows with too many rows keep the first."""
    monkeypatch.setattr(module, "MOST_ROWS", 3)
    said = ["ok", "<b>bold</b> & $x", "three", "four"]
    values: list[object] = [{"event_time": f"2026-03-01T00:0{n}:00Z", "text": text} for n, text in enumerate(said)]
    values.append({"event_time": "2026-03-01T00:30:00Z", "text": "later", "perceived_severity": "awful"})
    with SqliteBroker(tmp_path / "hubbub.db", clock=lambda: (MARCH_MINUTE + 31) * MINUTE_US) as broker:
        broker.create_topics([ALARMS])
        broker.append([Append("alarms", b"d1", orjson.dumps(value)) for value in values])
        broker.append([Append("alarms", b"d1", b"no JSON")])
        history = kept_history(broker, [ALARMS], Range())
        topics = {ALARMS.name: ALARMS}
        assert survey_history(history, topics, 0).refused == 2
        windows = Windows(MARCH_MINUTE // 10, MARCH_MINUTE // 10 + 3, 10 * MINUTE_US)
        notes = write_windows(history, topics, windows, tmp_path / "out")
    rows = pq.read_table(tmp_path / "out" / "alarms.parquet").to_pylist()
    assert [(row["window"][11:16], row["text"]) for row in rows] == [
        ("00:00", "ok"),
        ("00:00", "‹b›bold‹/b› ＆ ＄x"),
        ("00:00", "three"),
        ("00:30", "later"),
        ("00:30", None),
    ]
    wrong, unreadable = rows[3:]
    assert wrong["perceived_severity"] == "awful" and "perceived_severity" in wrong["refused"]
    assert unreadable["device_id"] == "d1" and unreadable["refused"].startswith("bad_json")
    assert all(row["refused"] is None for row in rows[:3])
    assert "more than 3 rows" in notes[0]


def test_answers_are_looked_at_too(tmp_path: Path) -> None:
    """A history of enriched events: a score that is no share is a row, counted and shown by its path."""
    topic = DEVICE_TELEMETRY_ENRICHED
    anomalies = [{"score": 0.5}, {"score": 1.5}, None]
    values = [
        {
            "event_time": f"2026-03-01T00:0{n}:00Z",
            "metric": "m",
            "value": 1.0,
            "hubbub": {"anomaly": one, "late": False},
        }
        for n, one in enumerate(anomalies)
    ]
    with SqliteBroker(tmp_path / "hubbub.db", clock=lambda: (MARCH_MINUTE + 9) * MINUTE_US) as broker:
        broker.create_topics([topic])
        broker.append([Append(topic.name, b"d1", orjson.dumps(value)) for value in [*values, {"hubbub": {}}]])
        history = kept_history(broker, [topic], Range())
        found = survey_history(history, {topic.name: topic}, 0)
        windows = windows_of(found)
        assert windows is not None
        write_windows(history, {topic.name: topic}, windows, tmp_path / "out")
    [failing] = found.tally.failing().values()
    assert [(str(one), count.broken) for one, count in failing.items()] == [
        ("hubbub.anomaly.score is between 0 and 1", 1)
    ]
    rows = pq.read_table(tmp_path / "out" / f"{topic.name}.parquet").to_pylist()
    assert [row["hubbub.anomaly.score"] for row in rows] == [0.5, 1.5, None, None]
    assert [row["hubbub"] for row in rows] == ["..."] * 4
    assert "metric" in rows[3]["refused"]
