"""`hubbub replay`: the same events give the same answers, other models give others, and both are said plainly."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from infra.broker import TopicPartition
from infra.sqlite.broker import SqliteBroker
from models.bundle import open_bundle
from models.loaded_text import LoadedText, golden_answers
from models.text_model import TextModel
from pipelines.catalog import shipped_pipelines
from pipelines.demo.building import MULBERRY_CORNER
from pipelines.demo.event import DemoEvent, rfc3339
from pipelines.demo.plan import A_QUICK_DAY
from pipelines.demo.simulate import Simulation
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.job_settings import JobSettings
from schemas.catalog import INPUTS
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append
from tests.jobs.counting import COUNTS, SILENCES
from tests.live_job import live_job
from tests.tiny_text_bundle import HEADS, write_card, write_tiny_text_bundle

Hubbub = Callable[..., Any]
END_US = 1_767_312_000_000_000  # 2026-01-02T00:00:00Z
PIPELINES = ("--pipeline", "tests.jobs.counting:COUNTS", "--pipeline", "tests.jobs.counting:SILENCES")
HOSTILE = '</script><img src=x onerror=alert(1)><a href="https://example.com">call</a> \x1b[31m smoke \u202e 马上'


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A text model in miniature, and a candidate that is less sure and calls some things by another name."""
    folder = tmp_path_factory.mktemp("bundles")
    today = write_tiny_text_bundle(folder / "today")
    candidate = write_tiny_text_bundle(folder / "candidate")
    labels = {name: tuple(reversed(head)) if name == "category" else head for name, head in HEADS.items()}
    heads = [{"name": name, "labels": head, "temperature": 0.7} for name, head in labels.items()]
    write_card(candidate, heads=heads, version="2.0.0")
    texts = ["The lock has been beeping since noon", "空调漏水了，请马上来人"]
    golden = golden_answers(LoadedText(open_bundle(candidate), threads=1), texts)
    write_card(candidate, heads=heads, version="2.0.0", golden=golden)
    return {"today": today, "candidate": candidate}


@pytest.fixture(scope="module")
def day() -> list[DemoEvent]:
    """A corner of the demo's building on one day, and a message that nobody should have to escape by hand."""
    simulation = Simulation(MULBERRY_CORNER, A_QUICK_DAY, seed=5, end_us=END_US, about=600, learning_days=0)
    hostile = DemoEvent("customer.messages", "d-1", END_US - 40_000_000_000, {"text": HOSTILE, "channel": "app"})
    return sorted([*simulation.events(), hostile], key=lambda event: event.time_us)


@pytest.fixture
def models(bundles: dict[str, Path], tmp_path: Path) -> Path:
    """Today's text model, by a settings file in the folder where the commands run."""
    (tmp_path / "hubbub.toml").write_text(f'[models]\ntext-enzh = "{bundles["today"]}"\n', encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def worked_through(bundles: dict[str, Path], day: list[DemoEvent], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A broker file on which a job has worked through the day."""
    path = tmp_path_factory.mktemp("kept") / "hubbub.db"
    with SqliteBroker(path, durability="off") as broker:
        broker.create_topics(INPUTS)
        broker.append([_append(event) for event in day])
        pipelines = shipped_pipelines({"text-enzh": bundles["today"]})
        EmbeddedEngine(broker, JobSettings(tick_s=None)).run(pipelines, until_end=True)
    return path


@pytest.fixture
def kept(models: Path, worked_through: Path) -> Path:
    """The same, as the default broker of the folder where the commands run."""
    return Path(shutil.copy(worked_through, models / "hubbub.db"))


def _value(event: DemoEvent) -> dict[str, object]:
    return {"device_id": event.device_id, "event_time": rfc3339(event.time_us), **event.fields}


def _append(event: DemoEvent) -> Append:
    return Append(event.topic, event.device_id.encode(), orjson.dumps(_value(event)))


@pytest.mark.parametrize("batch", [7, 2000])
def test_an_unchanged_replay_is_equal_to_the_last_byte(
    hubbub: Hubbub, kept: Path, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every enriched event and every revision of every alert, wherever batches are cut; the broker stays as it was."""
    monkeypatch.setenv("HUBBUB_JOB_BATCH_RECORDS", str(batch))
    before = _contents(kept)
    answer = hubbub("replay", "--json")
    found = json.loads(answer.out)
    assert answer.status == 0, answer.err
    assert found["differing_share"] == 0
    assert found["alerts"]["same"] > 5
    assert found["alerts"]["differing"] == 0
    assert set(found["topics"]) == {*(f"{topic.name}.enriched" for topic in INPUTS), "alerts", "alerts.by_device"}
    for name, topic in found["topics"].items():
        assert topic["identical"] == topic["both"] > 0, name
        assert (topic["only_baseline"], topic["only_candidate"]) == (0, 0), name
    assert _contents(kept) == before


def _contents(path: Path) -> dict[str, int]:
    with SqliteBroker(path) as broker:
        topics = broker.topics()
        return {
            topic: sum(broker.bounds(TopicPartition(topic, number))[1] for number in range(count))
            for topic, count in topics.items()
        } | dict.fromkeys(broker.groups(), 0)


@pytest.mark.parametrize("batch", [1, 50])
def test_repeats_what_the_original_job_did_in_quiet_times(
    hubbub: Hubbub, tmp_path: Path, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deadlines that fell due because a partition was quiet fall due in the replay, also behind the last event."""
    monkeypatch.setenv("HUBBUB_JOB_BATCH_RECORDS", str(batch))
    with SqliteBroker(tmp_path / "hubbub.db", durability="off") as broker:
        broker.create_topics([DEVICE_LOGS])
        for start in (0, 300):  # two times of talk with a quiet one behind each
            broker.append(list(_lines(start, start + 200)))
            _run_until_quiet(broker, devices=12)
    answer = hubbub("replay", *PIPELINES, "--json")
    found = json.loads(answer.out)
    assert answer.status == 0, answer.out
    silences = found["topics"]["test.silences"]
    assert silences["identical"] == silences["both"] >= 24
    assert found["topics"]["test.numbered"]["identical"] == 400


def _lines(start: int, end: int) -> Iterator[Append]:
    for number in range(start, end):
        device, at = f"d{number % 12}", f"2026-03-01T08:{number // 60:02}:{number % 60:02}Z"
        value = orjson.dumps({"device_id": device, "event_time": at, "message": f"line {number}"})
        yield Append(DEVICE_LOGS.name, device.encode(), value)


def _run_until_quiet(broker: SqliteBroker, devices: int) -> None:
    """Run as a live job does, until it has found every device silent once more."""
    before = _silent(broker)
    with live_job(EmbeddedEngine(broker, JobSettings(tick_s=0.05, batch_records=30)), [COUNTS, SILENCES]) as job:
        job.await_that(lambda: _silent(broker) >= before + devices)
    EmbeddedEngine(broker, JobSettings()).run([COUNTS, SILENCES], until_end=True)


def _silent(broker: SqliteBroker) -> int:
    if "test.silences" not in broker.topics():
        return 0
    parts = [TopicPartition("test.silences", number) for number in range(8)]
    records = [one for part in parts for one in broker.read(part, 0, max_records=10_000, max_bytes=1 << 24)]
    return sum(orjson.loads(record.value or b"{}")["state"] == "silent" for record in records)


def test_a_candidate_differs_and_the_report_says_how(
    hubbub: Hubbub, kept: Path, bundles: dict[str, Path], tmp_path: Path
) -> None:
    """Status 1; added and gone alerts with what either side said of their events; a page that fetches nothing."""
    candidate = ("--model", f"text-enzh={bundles['candidate']}")
    answer = hubbub("replay", *candidate, "--report", "report", "--quality-budget", "0")
    assert answer.status == 1, answer.err
    found = json.loads((tmp_path / "report" / "report.json").read_bytes())
    alerts = found["alerts"]
    assert alerts["differing"] == len(alerts["added"]) + len(alerts["gone"]) + len(alerts["changed"]) > 0
    categories = found["topics"]["device.logs.enriched"]["answers"]["category"]
    assert 0 < categories["changed"] <= categories["compared"]
    assert sum(pair["events"] for pair in categories["pairs"]) == categories["compared"]
    differing = [*alerts["added"], *alerts["gone"], *(change["candidate"] for change in alerts["changed"])]
    evidence = [one for alert in differing for one in alert["evidence"]]
    labels = [[one[side]["category"]["label"] for side in ("baseline", "candidate")] for one in evidence]
    assert any(before != after for before, after in labels)
    assert f"{alerts['differing']:,} of " in answer.out
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    own = page[: page.index('<script type="application/json"')]
    assert "default-src 'none'" in own
    assert "src=" not in own and "url(" not in own
    targets = {piece.partition('"')[0] for piece in own.split('href="')[1:]}
    assert targets and all(target.startswith("#") for target in targets)
    assert all(f'id="{target[1:]}"' in own for target in targets)
    assert "onerror" not in own or "&lt;img src=x onerror" in own
    assert page.count("</script>") == 3


def test_what_others_wrote_stays_text(hubbub: Hubbub, models: Path, bundles: dict[str, Path], tmp_path: Path) -> None:
    """A device's name and words that are markup, script or terminal codes are shown as what they are."""
    said = {"topic": "alarms", "device_id": HOSTILE[:40], "code": "<b>E1</b>", "text": HOSTILE, "state": "raise"}
    times = [f"2026-03-01T08:0{minute}:00Z" for minute in range(3)]
    rows = [said | {"event_time": time, "perceived_severity": "critical"} for time in times]
    (tmp_path / "rows.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    answer = hubbub("replay", "--input", "rows.jsonl", "--report", "report", "--quality-budget", "0")
    assert answer.status == 0, answer.err
    assert "\x1b[31m" not in answer.out and "\u202e" not in answer.out
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img" not in page[: page.index("<script>")]
    assert page.count("</script>") == 3


def test_files_with_today_and_with_a_candidate(
    hubbub: Hubbub, models: Path, bundles: dict[str, Path], day: list[DemoEvent], tmp_path: Path
) -> None:
    """A file alone says what would be raised; with two models it is compared; the same model twice does not differ."""
    lines = [orjson.dumps({"topic": event.topic} | _value(event)) for event in day if "topic" not in event.fields]
    (tmp_path / "day.jsonl").write_bytes(b"\n".join(lines))
    alone = hubbub("replay", "--input", "day.jsonl", "--json")
    assert alone.status == 0, alone.err
    found = json.loads(alone.out)
    assert found["baseline"] is None
    assert sum(found["history"]["events"].values()) == len(lines)
    assert len(found["candidate"]["alerts"]) > 5
    again = hubbub("replay", "--input", "day.jsonl", "--against", f"text-enzh={bundles['today']}", "--json")
    assert again.status == 0, again.err
    assert all(topic["identical"] == topic["both"] for topic in json.loads(again.out)["topics"].values())
    other = hubbub("replay", "--input", "day.jsonl", "--model", f"text-enzh={bundles['candidate']}", "--json")
    assert other.status == 1, other.err
    assert json.loads(other.out)["baseline"]["name"] == "today's models"
    tolerated = ("--model", f"text-enzh={bundles['candidate']}", "--tolerance", "1")
    assert hubbub("replay", "--input", "day.jsonl", *tolerated).status == 0


def test_a_file_named_after_its_topic_gives_what_produce_and_run_give(
    hubbub: Hubbub, models: Path, bundles: dict[str, Path], day: list[DemoEvent], tmp_path: Path
) -> None:
    """The same ids, the same alerts: a file replayed, and a file produced and run."""
    lines = [orjson.dumps(_value(event)) for event in day if event.topic == "alarms"]
    (tmp_path / "alarms.jsonl").write_bytes(b"\n".join(lines))
    replayed = json.loads(hubbub("replay", "--input", "alarms.jsonl", "--json").out)["candidate"]["alerts"]
    assert hubbub("produce", "alarms", "alarms.jsonl").status == 0
    assert hubbub("run", "alarms", "alerts", "--until-end").status == 0
    kept = hubbub("replay", "--topic", "alarms", "--json")
    assert kept.status == 0, kept.err
    assert json.loads(kept.out)["baseline"]["alerts"] == replayed
    assert len(replayed) > 2


def test_a_range_of_arrival_compares_only_what_began_in_it(
    hubbub: Hubbub, models: Path, bundles: dict[str, Path], day: list[DemoEvent]
) -> None:
    """Memory from before the range is warmed up; what goes on behind it is not held against either side."""
    logs = [event for event in day if event.topic in ("device.logs", "alarms")]
    now = [0]
    with SqliteBroker(models / "hubbub.db", durability="off", clock=lambda: now[0]) as broker:
        broker.create_topics(INPUTS)
        for event in logs:  # each arrives when it happens
            now[0] = event.time_us
            broker.append([_append(event)])
        EmbeddedEngine(broker, JobSettings(tick_s=None)).run(
            shipped_pipelines({"text-enzh": bundles["today"]}), until_end=True
        )
    since, until = END_US - 14 * 3_600_000_000, END_US - 4 * 3_600_000_000
    span = ("--since", rfc3339(since), "--until", rfc3339(until), "--warm-up", "12h")
    answer = hubbub("replay", *span, "--json")
    found = json.loads(answer.out)
    assert answer.status == 0, answer.out
    within = [event for event in logs if since <= event.time_us < until]
    assert sum(found["history"]["events"].values()) == len(within) < len(logs)
    enriched = [topic for name, topic in found["topics"].items() if name.endswith(".enriched")]
    assert sum(topic["both"] for topic in enriched) == sum(topic["identical"] for topic in enriched) == len(within)
    assert all(rfc3339(since) <= alert["opened_at"] < rfc3339(until) for alert in found["candidate"]["alerts"])
    assert found["alerts"]["same"] > 0


def test_labels_give_figures_beside_what_needs_no_skill(hubbub: Hubbub, kept: Path, tmp_path: Path) -> None:
    """Incidents that are drawn around what was raised are all found; the trivial rows stand beside."""
    alerts = json.loads(hubbub("replay", "--json").out)["candidate"]["alerts"]
    marked = [alert for alert in alerts if alert["rule"] == "device_alarm"][:3]
    labels = [
        {"device_id": one["device_id"], "from": one["opened_at"], "until": one["fired_at"], "kind": "drawn"}
        for one in marked
    ]
    labels.append({"device_id": "nobody", "from": "2026-01-01T10:00:00Z", "until": "2026-01-01T11:00:00Z"})
    (tmp_path / "labels.jsonl").write_bytes(b"\n".join(orjson.dumps(one) for one in labels))
    answer = hubbub("replay", "--labels", "labels.jsonl", "--json")
    scores = json.loads(answer.out)["scores"]
    assert list(scores) == ["what was raised", "today's models", "never", "always", "by chance"]
    assert scores["what was raised"] == scores["today's models"]
    assert (scores["today's models"]["found"], scores["today's models"]["recall"]) == (3, 1.0)
    assert scores["never"]["recall"] == 0 and scores["always"]["recall"] == 1
    assert "1 of the labelled incidents" in " ".join(json.loads(answer.out)["notes"])
    assert "Precision: right alerts / all alerts." in hubbub("replay", "--labels", "labels.jsonl").out


def test_wrong_use_is_one_sentence(hubbub: Hubbub, models: Path, tmp_path: Path) -> None:
    """Status 2 and what was expected, without a traceback."""

    def refused(*arguments: str) -> str:
        answer = hubbub("replay", *arguments)
        assert answer.status == 2, answer
        assert not answer.out and "Traceback" not in answer.err
        return str(answer.err)

    assert "there is no broker file" in refused()
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        broker.create_topics(INPUTS)
        assert "there are no events" in refused()
        broker.append([Append("alarms", b"d1", b'{"text": "door open"}')])
    assert "has not worked through" in refused("--topic", "alarms")
    assert "arrived since" in refused(
        "--topic", "alarms", "--since", "2026-01-01T00:00:00Z", "--until", "2026-01-02T00:00:00Z"
    )
    assert "expected the name of a model" in refused("--model", "nothing=x")
    assert "NAME=BUNDLE" in refused("--model", "text-enzh")
    assert "expected the folder" in refused("--against", "text-enzh=nowhere")
    assert "takes no --since" in refused("--input", "x.jsonl", "--since", "1h")
    assert "later than --since" in refused("--since", "1h", "--until", "2h")
    assert "x.jsonl: No such file" in refused("--input", "x.jsonl")
    (tmp_path / "rows.jsonl").write_text(
        '{"topic": "alarms", "device_id": "d1"}\n{"topic": "other"}\n', encoding="utf-8"
    )
    assert "rows.jsonl, line 2" in refused("--input", "rows.jsonl")
    (tmp_path / "labels.jsonl").write_text('{"device_id": "d1", "from": "today"}\n', encoding="utf-8")
    assert "labels.jsonl, line 1" in refused("--labels", "labels.jsonl")
    assert "an option of --engine beam" in refused("--processes", "2")
    assert "NAME=VALUE" in refused("--set", "log_abnormal.count")


def test_the_models_of_the_test_are_models(bundles: dict[str, Path]) -> None:
    """The two bundles load, and differ."""
    today, candidate = (TextModel(bundles[name]) for name in ("today", "candidate"))
    assert today.identity != candidate.identity
