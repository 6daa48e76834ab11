"""Traces from the input record to the alert, as a real OTLP receiver gets them; logs that say the same trace."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from infra.broker import TopicPartition
from infra.broker_url import open_broker
from infra.kafka.broker import KafkaBroker
from infra.local.kafka import LocalKafka
from infra.settings import load_settings
from infra.sqlite.broker import SqliteBroker
from schemas.alarms import ALARMS
from schemas.alerts import ALERTS
from schemas.answers import ALARMS_ENRICHED
from schemas.dead_letters import DEAD_LETTERS
from schemas.record import Append, Record
from tests.http_receiver import HttpReceiver, http_receiver
from tests.integration.conftest import Hubbub
from tests.patience import PATIENCE_S

TRACE, SENDER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = f"00-{TRACE}-{SENDER}-01"
UNSAMPLED = f"00-{'c' * 32}-{'d' * 16}-00"
STATE = b"vendor=7"


def alarm(device: str, *headers: tuple[str, bytes]) -> Append:
    event = {
        "device_id": device,
        "event_time": "2026-03-01T08:00:00Z",
        "code": "E7",
        "text": "coolant leak, compressor stopped",
    }
    event |= {"perceived_severity": "critical"}
    return Append(ALARMS.name, device.encode(), orjson.dumps(event), headers)


def fill(broker: SqliteBroker | KafkaBroker) -> None:
    broker.create_topics([ALARMS])
    broker.append(
        [
            alarm("traced", ("traceparent", SAMPLED.encode()), ("tracestate", STATE)),
            alarm("plain"),
            alarm("not-sampled", ("ce_traceparent", UNSAMPLED.encode())),
            Append(ALARMS.name, b"bad", b"nope", (("traceparent", SAMPLED.encode()),)),
        ]
    )


def records(broker: SqliteBroker | KafkaBroker, topic: str) -> list[Record]:
    found: list[Record] = []
    for number in range(broker.topics()[topic]):
        found += broker.read(TopicPartition(topic, number), 0, max_records=100, max_bytes=1 << 20)
    return found


def headers_of(broker: SqliteBroker | KafkaBroker, topic: str, device: str) -> dict[str, bytes]:
    (record, *_) = [one for one in records(broker, topic) if orjson.loads(one.value or b"")["device_id"] == device]
    return dict(record.headers)


def spans(receiver: HttpReceiver) -> list[dict[str, Any]]:
    """Decode what came, as a collector does."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    found = []
    for came in receiver.came:
        assert came.path == "/v1/traces"
        body = gzip.decompress(came.body) if came.headers.get("content-encoding") == "gzip" else came.body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = {one.key: one.value.string_value for one in resource.resource.attributes}
            assert service["service.name"] == "hubbub"
            for span in [span for scope in resource.scope_spans for span in scope.spans]:
                found.append(
                    {
                        "name": span.name,
                        "trace": span.trace_id.hex(),
                        "id": span.span_id.hex(),
                        "parent": span.parent_span_id.hex(),
                        "state": span.trace_state,
                        "links": [(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
                        "took_ns": span.end_time_unix_nano - span.start_time_unix_nano,
                        **{one.key: one.value.string_value or one.value.int_value for one in span.attributes},
                    }
                )
    return found


def check(broker: SqliteBroker | KafkaBroker, found: Sequence[dict[str, Any]]) -> None:
    """Look at all there is to know of the one event that was sampled, and of the two that were not."""
    for topic in (ALARMS_ENRICHED.name, ALERTS.name):
        headers = headers_of(broker, topic, "traced")
        assert headers["traceparent"] == headers["ce_traceparent"] == SAMPLED.encode()
        assert headers["tracestate"] == headers["ce_tracestate"] == STATE
        assert headers_of(broker, topic, "not-sampled")["traceparent"] == UNSAMPLED.encode()
        assert not {"traceparent", "ce_traceparent", "tracestate"} & set(headers_of(broker, topic, "plain"))
    own = {one["name"]: one for one in found if one["trace"] == TRACE}
    assert set(own) == {"process alarms", "alert device_alarm"}, sorted(own)
    enriched, alert = own["process alarms"], own["alert device_alarm"]
    assert (enriched["parent"], alert["parent"]) == (SENDER, enriched["id"])
    assert {enriched["state"], alert["state"]} == {STATE.decode()}
    assert headers_of(broker, ALERTS.name, "traced")["ce_id"].decode() == alert["messaging.message.id"]
    assert alert["messaging.message.id"].startswith(alert["id"])
    steps = {(one["trace"], one["id"]): one for one in found if "hubbub.stream" in one}
    assert set(alert["links"]) <= set(steps)
    step = steps[enriched["links"][0]]
    assert (step["hubbub.pipeline"], step["messaging.destination.name"]) == ("alarms", ALARMS.name)
    assert any((TRACE, SENDER) in one["links"] for one in steps.values())
    stages = {one["name"] for one in found if one["parent"] == step["id"]}
    assert {"read and decode", "operators", "encode", "commit", "understand_alarms"} <= stages, stages
    # An event that nobody sampled has no spans of its own, only a link.
    assert {one["trace"] for one in found} == {TRACE, *(trace for trace, _ in steps)}
    assert all(one["took_ns"] >= 0 for one in found)


def test_from_the_input_to_the_alert(hubbub: Hubbub, tmp_path: Path) -> None:
    with SqliteBroker(tmp_path / "hubbub.db") as broker, http_receiver() as receiver:
        fill(broker)
        answer = hubbub("run", "alarms", "alerts", "--until-end", "--traces", receiver.url, "--log-format", "json")
        assert answer.status == 0, answer.err
        check(broker, spans(receiver))
        lines = [orjson.loads(line) for line in answer.err.splitlines()]
        (letter,) = [one for one in lines if one["message"].startswith("dead letter")]
        assert (letter["trace_id"], letter["span_id"], letter["reason"]) == (TRACE, SENDER, "bad_json")
        assert letter["step_id"] in {one["trace"] for one in spans(receiver)}
        alerts = {one["device_id"]: one for one in lines if one["message"].startswith("alert firing")}
        assert alerts["traced"]["trace_id"] == TRACE and alerts["plain"]["trace_id"] == alerts["plain"]["step_id"]


def test_records_do_not_depend_on_who_collects(hubbub: Hubbub, tmp_path: Path) -> None:
    """The same bytes with a collector, without, and with one that is away; ids of steps are the same again."""
    answers, steps = [], []
    with SqliteBroker(tmp_path / "filled.db") as broker:
        fill(broker)
    for number, arguments in enumerate(((), ("--traces", "http://127.0.0.1:9"), ("--log-format", "json"))):
        path = tmp_path / f"{number}.db"
        shutil.copy(tmp_path / "filled.db", path)
        with SqliteBroker(path) as broker:
            answer = hubbub("run", "alarms", "alerts", "--until-end", "--broker", f"sqlite:{path}", *arguments)
            assert answer.status == 0, answer.err
            topics = (ALARMS_ENRICHED.name, ALERTS.name)
            answers.append([(one.key, one.value, one.headers) for topic in topics for one in records(broker, topic)])
            steps.append(len(records(broker, DEAD_LETTERS.name)))
    assert answers[0] == answers[1] == answers[2] and len(answers[0]) == 6
    assert steps == [1, 1, 1]


def test_who_samples_few_steps_is_still_told_of_each_sampled_event(
    hubbub: Hubbub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    with SqliteBroker(tmp_path / "hubbub.db") as broker, http_receiver() as receiver:
        fill(broker)
        assert hubbub("run", "alarms", "alerts", "--until-end", "--traces", receiver.url).status == 0
        assert {one["name"] for one in spans(receiver)} == {"process alarms", "alert device_alarm"}
        assert {one["trace"] for one in spans(receiver)} == {TRACE}


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("notify",)])
def test_serve_and_notify_speak_json(command: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "notify.toml").write_text(
        '[route]\nreceiver = "team"\n[receivers.team]\nkind = "webhook"\nurl = "http://127.0.0.1:9/hook"\n'
    )
    with SqliteBroker(tmp_path / "hubbub.db") as broker:
        broker.create_topics([ALERTS])
    arguments = [sys.executable, "-m", "pipelines.command_line", *command, "--log-format", "json"]
    with subprocess.Popen(arguments, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        said = orjson.loads(process.stderr.readline())
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
        assert [orjson.loads(line) for line in process.stderr] == []
    assert said["level"] == "info" and said["message"].startswith(("serving http://", "telling team")), said


def test_nothing_is_imported_that_was_not_asked_for(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pipelines.command_line import run\n"
        "assert run(['run', 'alarms', '--until-end']) == 0\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("url", "said"), [("ftp://x", "expected the address of an OTLP collector"), ("x", "like http")]
)
def test_a_wrong_address_is_told(hubbub: Hubbub, url: str, said: str) -> None:
    answer = hubbub("run", "--traces", url)
    assert answer.status == 2 and said in answer.err


def test_an_error_that_ends_the_job_is_a_line_of_json(hubbub: Hubbub) -> None:
    answer = hubbub("run", "nothing", "--log-format", "json")
    (line,) = answer.err.splitlines()
    said = orjson.loads(line)
    assert (answer.status, said["level"], said["status"]) == (2, "error", 2) and "nothing" in said["message"]


def test_on_kafka(hubbub: Hubbub, kafka: LocalKafka, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"HUBBUB_BROKER_URL": f"kafka://{kafka.bootstrap}", "HUBBUB_KAFKA_TOPIC_PREFIX": topic_prefix}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(environment=environment, directory=Path())
    with open_broker(settings.broker, settings.kafka) as broker, http_receiver() as receiver:
        assert isinstance(broker, KafkaBroker)
        fill(broker)
        given = ("--until-end", "--create-topics", "--traces", receiver.url)
        answer = hubbub("run", "alarms", "alerts", *given)
        assert answer.status == 0, answer.err
        check(broker, spans(receiver))
