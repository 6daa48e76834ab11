"""The console's devices, topics, dead letters, models and replay reports, in this process over a real broker."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import orjson
import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from infra.broker import Offset, TopicPartition
from infra.console_settings import ConsoleSection
from infra.settings import Settings
from infra.sqlite.broker import SqliteBroker
from pipelines.alert_actions import write_action
from pipelines.console.app import make_console
from pipelines.console.console import Console
from pipelines.console.heard_devices import HeardDevices
from pipelines.console.reports_page import POLICY
from pipelines.console.topic_looks import EarlierLooks, arrivals, group_looks, topic_looks
from pipelines.engines.dead_letter import DeadLetterWriter, Failure
from schemas.answers import DEVICE_LOGS_ENRICHED, DEVICE_TELEMETRY_ENRICHED
from schemas.record import Append, Record
from schemas.topic import DEVICE_ID, EVENT_TIME, Topic
from tests.broker_subject import eventually
from tests.console_client import SITE, TOKEN, a_console, csrf_of, logged_in
from tests.console_world import FRIDGE, NOW_US, PUMP, alert, appended, at, make_world

HOSTILE = "<img src=x onerror=alert(1)>\"'{{7*7}} \u202egpj/..\x1b[31m"
FORBIDDEN = ("<img src=x", "<script>alert", "\x1b", "\u202e", ">49", "onerror=alert(1)>")
VALUE = b'{"device_id": "fridge-7", "message": "<script>alert(2)</script>", "event_time": "2026-03-01T08:00:00Z"'
LOUD = Topic("acme.loudness", pa.schema([DEVICE_ID, EVENT_TIME]), "how loud", partitions=2)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The made-up site, and beside it dead letters, a job that is behind, a topic of one's own, a hostile device."""
    path = tmp_path / "hubbub.db"
    make_world(path)
    logs, alarms = (DeadLetterWriter(f"hubbub-{name}", "embedded", "0.1.0") for name in ("logs", "alarms"))
    failed = Failure("INFER", "infer_error", HOSTILE)
    letters = [
        *(logs.letter("device.logs", 1, Record(n, NOW_US, b"fridge-7", VALUE), _no_json(n), NOW_US) for n in range(3)),
        alarms.letter("alarms", 0, Record(7, NOW_US, HOSTILE.encode(), b"\xff\xfe"), failed, NOW_US),
        Append("dead.letters", None, b"from nowhere"),
    ]
    with SqliteBroker(path) as broker:
        broker.create_topics([LOUD])
        broker.append(letters)
        broker.append([appended("device.logs", FRIDGE, {"device_id": FRIDGE, "message": str(n)}) for n in range(5)])
        part = next(one for n in range(8) if broker.bounds(one := TopicPartition("device.logs", n))[1])
        broker.commit_offsets("hubbub-logs", {part: Offset(2)})
        broker.append([Append(LOUD.name, b"k", orjson.dumps({"device_id": "d", "loud": HOSTILE}))])
        reading = {"device_id": HOSTILE, "event_time": at(5), "metric": HOSTILE, "value": 1.5, "unit": HOSTILE}
        line = {"device_id": HOSTILE, "event_time": at(4), "message": HOSTILE, "component": HOSTILE}
        answers = {
            "input": {"event_id": "e"},
            "late": False,
            "category": {"label": HOSTILE, "score": 0.5, "model": "m"},
        }
        broker.append([
            appended(DEVICE_TELEMETRY_ENRICHED.name, HOSTILE, {**reading, "hubbub": {"input": {}, "late": False}}),
            appended(DEVICE_LOGS_ENRICHED.name, HOSTILE, {**line, "hubbub": answers}),
        ])  # fmt: skip
    return path


def _no_json(number: int) -> Failure:
    return Failure("DECODE", "bad_json", f"expected JSON, got an end at byte {number}")


@pytest.fixture
def console(file: Path) -> Iterator[tuple[TestClient, Console]]:
    with logged_in(file) as both:
        yield both


def letters_of(file: Path) -> list[str]:
    """Return the places of the dead letters, PARTITION-OFFSET."""
    with SqliteBroker(file) as broker:
        ends = [broker.bounds(TopicPartition("dead.letters", number))[1] for number in range(8)]
    return [f"{number}-{offset}" for number, end in enumerate(ends) for offset in range(end)]


def test_devices_are_listed_the_worst_first_and_found(console: tuple[TestClient, Console]) -> None:
    client, _ = console
    page = client.get("/devices").text
    assert page.index(f'href="/devices/{FRIDGE}"') < page.index(f'href="/devices/{PUMP}"')
    assert '<span class="severity critical">3' in page
    assert "kitchen" in page
    for query, found in (
        ("q=PUMP+lab", [PUMP]),
        ("q=kitchen", [FRIDGE]),
        ("which=alerts", [FRIDGE]),
        ("q=nothing", []),
    ):
        page = client.get(f"/devices?{query}").text
        assert [one for one in (FRIDGE, PUMP) if f'href="/devices/{one}"' in page] == found, query
    assert "not in the registry" in client.get("/devices?which=unplaced").text
    assert "No device is like that." in client.get("/devices?q=nothing").text


def test_a_device_shows_its_alerts_metrics_and_events(console: tuple[TestClient, Console]) -> None:
    page = console[0].get(f"/devices/{FRIDGE}").text
    assert page.count('<li id="a-f-') == 3
    assert f'href="/devices/{PUMP}"' in page
    assert 'class="plot-band" d="M' in page
    assert 'class="plot-odd" d="M' in page
    assert "box_temp from " in page, "the plot is told to who cannot see it"
    assert "180 readings between 4 and 10.4, 40 of them odd" in page
    assert page.count('<li id="e-') == 20
    assert "the last 20 of 30" in page
    assert "door closed after 29 s" in page
    missing = console[0].get("/devices/nobody")
    assert (missing.status_code, "nothing was heard of this device lately" in missing.text) == (404, True)


def test_a_device_that_the_registry_does_not_name_and_hostile_text(console: tuple[TestClient, Console]) -> None:
    client, _ = console
    pages = [
        "/devices",
        f"/devices/{quote(HOSTILE, safe='')}",
        "/topics/acme.loudness",
        "/dead-letters",
        "/topics/dead.letters",
    ]
    for path in pages:
        answer = client.get(path)
        assert answer.status_code == 200, path
        for forbidden in FORBIDDEN:
            assert forbidden not in answer.text, (path, forbidden)
    page = client.get(pages[1]).text
    assert "The registry does not name this device." in page
    assert "&lt;img src=x" in page


def test_topics_show_who_is_behind_and_what_came(console: tuple[TestClient, Console]) -> None:
    client, _ = console
    page = client.get("/topics").text
    jobs = page[page.index('id="g-hubbub-logs"') :]
    assert '<span class="tally-name">Behind </span>3<' in jobs
    assert "acme.loudness" in page
    assert "not one of hubbub&#39;s own" in page
    row = page[page.index('id="t-device.logs"') :].partition("</tr>")[0]
    assert ["Records </span>5<" in row, "Records a second </span>–<" in row] == [True, True]
    page = client.get("/topics/device.logs").text
    assert "hubbub-logs · 3 · " in page
    assert "program, unit or logger that wrote it" in page
    assert page.count('<tr id="r-') == 5
    own = client.get("/topics/acme.loudness").text
    assert "Nothing declares these columns" in own
    assert '<td class="code">loud</td><td class="soft">string</td>' in own
    assert (
        "It is empty." in client.get("/topics/alerts.silences").text or client.get("/topics/nothing").status_code == 404
    )
    assert client.get("/topics/nothing").status_code == 404


def test_speed_is_what_came_since_an_earlier_look(file: Path) -> None:
    earlier = EarlierLooks()
    with SqliteBroker(file) as broker:
        assert {one.records_per_s for one in topic_looks(broker, earlier, 0)} == {None}
        broker.append([appended("device.logs", FRIDGE, {"device_id": FRIDGE}) for _ in range(30)])
        looks = {one.name: one for one in topic_looks(broker, earlier, 10_000_000)}
        assert (looks["device.logs"].records_per_s, looks["device.logs"].records) == (3.0, 35)
        assert looks["alarms"].records_per_s == 0.0
        group = next(one for one in group_looks(broker, earlier, 20_000_000) if one.name == "hubbub-logs")
        assert (group.behind, group.records_per_s, group.topics) == (33, None, ["device.logs"])
        [part] = [lag.part for lag in group.lags if lag.records]
        broker.commit_offsets("hubbub-logs", {part: Offset(35)})
        [group] = group_looks(broker, earlier, 25_000_000)
        assert (group.behind, group.records_per_s, group.waiting_s) == (0, 6.6, 0.0)
        now_us = time.time_ns() // 1000 + 1_000_000
        assert sum(arrivals(broker, "device.logs", now_us, 3_600_000_000)) == 35
        assert arrivals(broker, "device.logs", now_us, 3_600_000_000)[-1] == 35


def test_dead_letters_are_listed_by_reason_and_shown_with_their_bytes(
    file: Path, console: tuple[TestClient, Console]
) -> None:
    client, _ = console
    page = client.get("/dead-letters").text
    assert "5 open dead letters" in page
    assert page.count('type="checkbox"') == 5
    assert client.get("/dead-letters?reason=bad_json").text.count('type="checkbox"') == 3
    assert client.get("/dead-letters?pipeline=alarms&ticked=1").text.count(" checked>") == 1
    assert client.get("/dead-letters?topic=device.logs&fate=dropped").text.count('<tr id="l-') == 0
    shown = [client.get(f"/dead-letters/{at}").text for at in letters_of(file)]
    assert sum("&lt;script&gt;alert(2)" in one for one in shown) == 3
    assert sum("ff fe" in one for one in shown) == 1
    assert sum("so it cannot be sent back" in one for one in shown) == 1
    assert not any(forbidden in one for one in shown for forbidden in FORBIDDEN)
    for path in ("0-999", "99-0", "x", "1-", "-1", "1-1-1", "9" * 30 + "-1"):
        assert client.get(f"/dead-letters/{path}").status_code == 404, path


def test_dead_letters_are_sent_again_once_or_dropped(file: Path, console: tuple[TestClient, Console]) -> None:
    client, opened = console
    csrf, places = {"csrf": csrf_of(client, opened)}, letters_of(file)
    before = logs_in(file)
    answer = client.post("/dead-letters", data={**csrf, "do": "send", **{f"at.{one}": "on" for one in places}})
    assert (answer.status_code, answer.headers["location"]) == (303, "/dead-letters")
    page = client.get("/dead-letters").text
    assert "4 sent again to their topics." in page
    assert "1 left alone: settled before, gone, or without an origin." in page
    assert "1 open dead letter<" in page
    assert [one.value for one in logs_in(file)[len(before) :]] == [VALUE] * 3
    [left] = [one for one in places if f'<tr id="l-{one}"' in page]
    back = {"back": f"/dead-letters/{left}"}
    assert (
        client.post("/dead-letters", data={**csrf, "do": "drop", f"at.{left}": "on", **back}).headers["location"]
        == back["back"]
    )
    shown = client.get(back["back"]).text
    assert "1 dropped; they stay in the topic until retention takes them." in shown
    assert '<span class="chip good">dropped</span>' in shown
    assert 'name="do"' not in shown
    assert "No dead letter is like that." in client.get("/dead-letters").text
    assert client.get("/dead-letters?fate=all").text.count('<tr id="l-') == 5
    again = client.post("/dead-letters", data={**csrf, "do": "send", **{f"at.{one}": "on" for one in places}})
    assert (again.status_code, len(logs_in(file))) == (303, len(before) + 3)


def test_a_post_that_says_nothing_does_nothing(file: Path, console: tuple[TestClient, Console]) -> None:
    client, opened = console
    csrf = {"csrf": csrf_of(client, opened)}
    assert client.post("/dead-letters", data={**csrf, "do": "burn", "at.0-0": "on"}).status_code == 400
    client.post("/dead-letters", data={**csrf, "do": "send", "at.x": "on", "at.1-x": "on", "other": "1"})
    page = client.get("/dead-letters").text
    assert "Nothing was ticked." in page
    assert "5 open dead letters" in page


def test_models_show_their_cards(console: tuple[TestClient, Console]) -> None:
    client, _ = console
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


def test_drift_is_told_of_what_models_answered_lately(console: tuple[TestClient, Console]) -> None:
    client, _ = console
    assert "Looking …" in client.get("/drift").text, "a page waits for nobody"
    assert eventually(lambda: "Looking …" not in client.get("/drift").text)
    page = client.get("/drift").text
    assert "Are events still like those that the models know?" in page
    of_readings = page[page.index(">device.telemetry <") :]
    assert 'class="chip bad">has drifted<' in of_readings, "a made-up fridge that is warm a quarter of the time"
    assert "anomaly.score" in of_readings
    assert client.get("/drift").text == page, "who asks again soon gets the same"


def test_a_look_for_drift_that_failed_is_told_and_tried_again(file: Path, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    with with_settings(file, Settings(models={"text-enzh": str(tmp_path / "broken")})) as client:
        assert client.get("/drift").status_code == 200
        assert eventually(lambda: client.get("/drift").status_code == 400)
        assert eventually(lambda: client.get("/drift").status_code == 200)


def test_what_people_said_of_alerts_is_shown_and_given_out(file: Path) -> None:
    judged = {
        **alert("odd", minutes_ago=9),
        "evidence": [{"event_id": "e", "kind": "log", "text": HOSTILE, "label": "x"}],
    }
    with SqliteBroker(file) as broker:
        write_action(broker, judged, "wrong", by=HOSTILE, text=HOSTILE, should_be="normal", now_us=NOW_US)
    with logged_in(file) as (client, _):
        page = client.get("/models").text
        assert "1 verdict" in page
        assert not any(forbidden in page for forbidden in FORBIDDEN)
        rows = client.get("/feedback.jsonl")
        assert rows.headers["content-disposition"] == 'attachment; filename="feedback.jsonl"'
        assert json.loads(rows.text)["verdict"] == "wrong"
        assert json.loads(client.get("/feedback-texts.jsonl").text) == {"text": HOSTILE, "label": "normal"}


def test_a_bundle_that_is_refused_says_why(file: Path, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "card.json").write_text("{}")
    with with_settings(file, Settings(models={"mine": str(tmp_path / "broken")})) as client:
        page = client.get("/models").text
        assert "card.json.sha256 is missing" in page
        assert client.get("/models/mine").status_code == 404


def test_reports_open_shut_in(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "reports" / "a <b>report"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("<!doctype html><script>document.title='x'</script>")
    (folder / "report.json").write_text(json.dumps({"candidate": {"name": HOSTILE, "alerts": [{}]}, "baseline": None}))
    with with_settings(file, with_reports(tmp_path / "reports")) as client:
        page = client.get("/reports").text
        assert "1 alert would be raised" in page
        assert not any(forbidden in page for forbidden in FORBIDDEN)
        answer = client.get("/reports/" + quote("a <b>report"))
        assert (answer.status_code, answer.headers["content-security-policy"]) == (200, POLICY)
        assert "allow-same-origin" not in POLICY
        for name in ("..%2Freports", "nothing", "..%2F..%2Fhubbub.db"):
            assert client.get(f"/reports/{name}").status_code == 404
    with logged_in(file) as (client, _):
        assert "No folder of reports is named." in client.get("/reports").text


@pytest.mark.parametrize(
    "path",
    [
        "/devices?which=x",
        "/devices?page=0",
        "/dead-letters?fate=x",
        "/dead-letters?page=x",
        "/devices?page=99999999999",
    ],
)
def test_a_wrong_query_is_told(console: tuple[TestClient, Console], path: str) -> None:
    answer = console[0].get(path)
    assert (answer.status_code, "expected" in answer.text) == (400, True)


def test_every_page_speaks_chinese(file: Path) -> None:
    with logged_in(file, language="zh-CN") as (client, _):
        for path, said in (
            ("/devices", "台设备"), (f"/devices/{FRIDGE}", "预期范围"), ("/topics", "主题与作业"),
            ("/topics/alarms", "谁在读取"), ("/dead-letters", "条待处理的死信"), ("/models", "用途名称"),
            (f"/dead-letters/{letters_of(file)[0]}", "原始记录"), ("/models/text-enzh", "训练数据"),
            ("/reports", "回放报告"), ("/drift", "与模型卡上的参考数据对比"),
        ):  # fmt: skip
            assert said in client.get(path).text, path


def test_the_list_of_devices_is_quick_with_many(tmp_path: Path) -> None:
    path = tmp_path / "hubbub.db"
    make_world(path)
    with SqliteBroker(path) as broker:
        rows = [Append(DEVICE_LOGS_ENRICHED.name, f"d-{n}".encode(), b"{}") for n in range(20_000)]
        broker.append(rows)
    with logged_in(path) as (client, _):
        took: list[float] = []
        while "Still reading" in (page := timed(client, "/devices", took)):
            assert len(took) < 100
        assert "20,002 devices" in page
        assert page.count('<tr id="d-') == 100
        timed(client, "/devices?q=d-1999&page=1", took)
        print("seconds:", [round(one, 2) for one in took])
        assert max(took) < 5, "some tenths of a second where nothing else runs"


def test_a_first_look_is_short_and_the_next_goes_on(file: Path) -> None:
    clock = iter(range(1000))
    heard = HeardDevices(budget_s=0, clock=lambda: float(next(clock)))
    with SqliteBroker(file) as broker:
        broker.append([Append(DEVICE_LOGS_ENRICHED.name, b"busy", b"{}") for _ in range(1200)])
        heard.look(broker)
        assert heard.behind
        looks = 1
        while heard.behind:
            heard.look(broker)
            looks += 1
        found = heard.find(broker, "busy")
    assert (looks, found is not None and found.counts) == (3, {"log": 1200})


def with_reports(folder: Path) -> Settings:
    return Settings(console=ConsoleSection(reports=str(folder)))


@contextmanager
def with_settings(file: Path, settings: Settings) -> Iterator[TestClient]:
    """Give a logged-in browser of a console with these settings."""
    with a_console(file) as made, TestClient(make_console(replace(made, settings=settings)), base_url=SITE) as client:
        assert client.post("/login", data={"token": TOKEN, "name": "ann"}).status_code == 200
        yield client


def timed(client: TestClient, path: str, took: list[float]) -> str:
    start = time.perf_counter()
    page = client.get(path).text
    took.append(time.perf_counter() - start)
    return page


def logs_in(file: Path) -> list[Record]:
    """Return the records of `device.logs` by the time at which they were appended."""
    with SqliteBroker(file) as broker:
        parts = [TopicPartition("device.logs", number) for number in range(8)]
        found = [one for part in parts for one in broker.read(part, 0, max_records=99, max_bytes=1 << 20)]
    return sorted(found, key=lambda one: one.timestamp_us)
