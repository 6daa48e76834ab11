"""340 files that try JSON parsers, and 515 naughty strings, between good events, on every topic, through a job."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import orjson

from infra.broker import TopicPartition
from infra.sqlite.broker import SqliteBroker
from pipelines.catalog import shipped_pipelines
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.job_settings import JobSettings
from schemas.catalog import INPUTS
from schemas.record import Append, Record

BAD = Path(__file__).parent.parent / "badinput"
GOOD: dict[str, dict[str, object]] = {
    "device.logs": {"message": "link down on port 4", "component": "switchd"},
    "customer.messages": {"text": "The lock has been beeping since noon"},
    "alarms": {"code": "E-21", "text": "High discharge pressure", "state": "raise"},
    "device.telemetry": {"metric": "box_temp", "value": -18.5, "unit": "Cel"},
}
TEXT = {"device.logs": "message", "customer.messages": "text", "alarms": "text", "device.telemetry": "metric"}
MARK = ("case", b"")


def json_files() -> list[tuple[str, bytes]]:
    folders = ("test_parsing", "test_transform")
    return [
        (path.name, path.read_bytes())
        for folder in folders
        for path in sorted((BAD / "JSONTestSuite" / folder).glob("*.json"))
    ]


def naughty_strings() -> list[str]:
    found: list[str] = json.loads((BAD / "blns" / "blns.json").read_text(encoding="utf-8"))
    return found


def records(broker: SqliteBroker, topic: str) -> list[Record]:
    parts = [TopicPartition(topic, partition) for partition in range(8)]
    return [record for part in parts for record in broker.read(part, 0, max_records=99_999, max_bytes=1 << 30)]


def test_no_input_stops_the_job_and_each_bad_record_is_one_dead_letter(tmp_path: Path) -> None:
    files, strings = json_files(), naughty_strings()
    assert (len(files), len(strings)) == (340, 515)
    sent: dict[str, dict[str, bytes]] = defaultdict(dict)
    with SqliteBroker(tmp_path / "hubbub.db", durability="off") as broker:
        broker.create_topics(INPUTS)
        for topic in INPUTS:
            good = orjson.dumps({**GOOD[topic.name], "device_id": "good"})
            appends: list[Append] = []

            def put(
                name: str, key: bytes, value: bytes, topic: str = topic.name, appends: list[Append] = appends
            ) -> None:
                sent[topic][name] = value
                appends.append(Append(topic, key, value, (("case", name.encode()), ("raw", b"\xff\x00"))))

            for number, (name, value) in enumerate(files):
                put(name, b"good", value)
                put(f"good {number}", b"good", good)
            for number, text in enumerate(strings):
                event = {**GOOD[topic.name], "device_id": "good", TEXT[topic.name]: text, f"unknown {text}": text}
                put(f"blns {number}", b"good", orjson.dumps(event))
            put("number", b"good", b"17")
            put("array", b"good", b"[]")
            put("retyped", b"good", orjson.dumps({**GOOD[topic.name], "device_id": "good", "event_time": 5}))
            put("key", b"\xff\xfe", orjson.dumps(GOOD[topic.name]))
            put("tombstone", b"good", b"")
            broker.append(appends)
        report = EmbeddedEngine(broker, JobSettings()).run(shipped_pipelines(), until_end=True)
        letters: dict[str, dict[str, tuple[Record, dict[str, str]]]] = defaultdict(dict)
        for record in records(broker, "dead.letters"):
            said = {name: value.decode() for name, value in record.headers if name != "raw"}
            assert said["case"] not in letters[said["__connect.errors.topic"]], "two dead letters of one record"
            letters[said["__connect.errors.topic"]][said["case"]] = (record, said)
        for topic in INPUTS:
            enriched = records(broker, f"{topic.name}.enriched")
            failed = letters[topic.name]
            assert len(enriched) + len(failed) == len(sent[topic.name]), "a record is lost, or doubled"
            assert not [name for name in failed if name.startswith("good ")]
            for name, (record, said) in failed.items():
                assert record.value == sent[topic.name][name], f"{name}: not the original bytes"
                assert ("raw", b"\xff\x00") in record.headers
                assert said["dlq.reason"] in ("bad_json", "bad_utf8", "schema", "too_large", "nan", "infer_error"), name
                assert said["__connect.errors.exception.message"]
            for name in sent[topic.name]:
                if name.startswith("n_"):
                    assert name in failed, f"{name} is no JSON and was accepted"
                    assert failed[name][1]["dlq.reason"] in ("bad_json", "bad_utf8", "too_large"), name
                if name.startswith("y_") and name in failed:
                    assert failed[name][1]["dlq.reason"] == "schema", f"{name} is JSON"
            for name in ("number", "array", "retyped"):
                assert failed[name][1]["dlq.reason"] == "schema"
            assert failed["key"][1]["dlq.reason"] == "bad_utf8"
            kept = {orjson.loads(one.value or b"").get(TEXT[topic.name]) for one in enriched}
            lost = [n for n, text in enumerate(strings) if text not in kept and f"blns {n}" not in failed]
            assert not lost, f"{topic.name}: naughty strings {lost} were changed on the way"
        assert report.total("dead letters") == sum(len(one) for one in letters.values())
