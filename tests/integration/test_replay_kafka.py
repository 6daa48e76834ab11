"""`hubbub replay` of what a real Kafka keeps: the same answers as from a file, by time of arrival, nothing written."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from infra.broker_url import open_broker
from infra.local.kafka import LocalKafka
from infra.settings import load_settings
from tests.tiny_text_bundle import write_tiny_text_bundle

Hubbub = Callable[..., Any]
PIPELINES = ("alarms", "logs", "alerts")
CHOSEN = tuple(word for name in PIPELINES for word in ("--pipeline", name))


@pytest.fixture
def here(tmp_path: Path, kafka: LocalKafka, topic_prefix: str) -> Path:
    """A folder whose settings name the real broker, this test's own names on it, and a small text model."""
    write_tiny_text_bundle(tmp_path / "bundle")
    (tmp_path / "hubbub.toml").write_text(
        f'[broker]\nurl = "kafka://{kafka.bootstrap}"\n[kafka]\ntopic_prefix = "{topic_prefix}"\n'
        '[models]\ntext-enzh = "bundle"\n',
        encoding="utf-8",
    )
    return tmp_path


def files_of(name: str) -> dict[str, str]:
    """The file of each topic."""
    return {topic: f"{topic}.{name}.jsonl" for topic in ("alarms", "device.logs")}


def write_rows(here: Path, name: str, minutes: range) -> None:
    for topic, file in files_of(name).items():
        rows: list[dict[str, Any]] = []
        for minute in minutes:
            row: dict[str, Any] = {"device_id": f"d{minute % 5}", "event_time": f"2026-03-01T08:{minute:02}:00Z"}
            if topic == "alarms":
                row |= {"code": f"E-{minute % 2}", "text": "door open", "perceived_severity": "major"}
                row |= {"state": ("raise", "clear")[minute // 6 % 2]}
            else:
                row |= {"message": f"pump {minute} lost pressure", "severity": "major"}
            rows.append(row)
        (here / file).write_bytes(b"\n".join(map(orjson.dumps, rows)))


def produce(hubbub: Hubbub, here: Path, name: str, minutes: range) -> None:
    write_rows(here, name, minutes)
    for topic, file in files_of(name).items():
        answer = hubbub("produce", topic, file)
        assert answer.status == 0, answer.err


def contents(here: Path) -> tuple[dict[str, int], list[str]]:
    settings = load_settings(environment={}, directory=here)
    with open_broker(settings.broker, settings.kafka) as broker:
        ends = broker.ends(list(broker.topics()))
        return {str(part): end for part, end in ends.items()}, broker.groups()


def test_a_range_of_arrival_on_kafka_is_replayed_as_it_was(hubbub: Hubbub, here: Path) -> None:
    """Two times of arrival: all of it, and either part; unchanged, with other thresholds, and by the files alone."""
    assert hubbub("topics", "create").status == 0
    produce(hubbub, here, "early", range(30))
    time.sleep(0.1)  # LogAppendTime has milliseconds; nothing but the clock can be waited for
    between = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    time.sleep(0.1)
    produce(hubbub, here, "late", range(30, 60))
    assert hubbub("run", *PIPELINES, "--until-end").status == 0
    before = contents(here)

    whole = hubbub("replay", *CHOSEN, "--json")
    assert whole.status == 0, whole.out + whole.err
    found = json.loads(whole.out)
    assert found["history"]["events"] == {"alarms": 60, "device.logs": 60}
    assert found["alerts"]["same"] > 5 and found["alerts"]["differing"] == 0
    assert {name: topic["identical"] for name, topic in found["topics"].items() if not name.startswith("alerts")} == {
        "alarms.enriched": 60,
        "device.logs.enriched": 60,
    }

    for span, first in ((("--until", between), "2026-03-01T08:00"), (("--since", between), "2026-03-01T08:30")):
        part = hubbub("replay", *CHOSEN, *span, "--json")
        assert part.status == 0, part.out + part.err
        half = json.loads(part.out)
        assert half["history"]["events"] == {"alarms": 30, "device.logs": 30}
        assert half["history"]["from"].startswith(first)
        assert half["alerts"]["differing"] == 0

    other = hubbub("replay", *CHOSEN, "--set", "device_alarm.resolve_after_s=60", "--json")
    assert other.status == 1, other.err
    changed = json.loads(other.out)
    assert changed["alerts"]["differing"] > 0

    # The files' ids are those that produce gave their rows, so a file tells of the same alerts.
    files = [word for name in ("early", "late") for file in files_of(name).values() for word in ("--input", file)]
    from_files = hubbub("replay", *files, *CHOSEN, "--json")
    assert json.loads(from_files.out)["candidate"]["alerts"] == found["candidate"]["alerts"]
    assert contents(here) == before


def test_what_the_group_has_not_read_yet_is_left_out(hubbub: Hubbub, here: Path) -> None:
    """Markers of transactions at a partition's end are no events that are missing."""
    assert hubbub("topics", "create").status == 0
    produce(hubbub, here, "early", range(30))
    assert "has not worked through" in hubbub("replay", *CHOSEN).err
    assert hubbub("run", *PIPELINES, "--until-end").status == 0
    found = json.loads(hubbub("replay", *CHOSEN, "--json").out)
    assert found["notes"] == []
    produce(hubbub, here, "late", range(30, 60))
    behind = hubbub("replay", *CHOSEN, "--json")
    assert behind.status == 0, behind.out
    assert "60 events that group 'hubbub' has not worked through yet are left out" in json.loads(behind.out)["notes"]
    anew = hubbub("replay", *CHOSEN, "--against", "today", "--json")
    assert anew.status == 0, anew.out
    assert json.loads(anew.out)["history"]["events"] == {"alarms": 60, "device.logs": 60}
