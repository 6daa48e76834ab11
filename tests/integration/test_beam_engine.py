"""The Beam engine on its local runner: of the same log the same rows, alerts and dead letters as the embedded one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

from infra.broker import Broker, Fenced
from infra.sqlite.broker import SqliteBroker
from pipelines.catalog import shipped_pipelines
from pipelines.engines.beam import bounded as beam_bounded
from pipelines.engines.beam.engine import BeamEngine, NoEnd
from pipelines.engines.beam.errors import BeamFailed
from pipelines.engines.embedded_engine import EmbeddedEngine
from pipelines.engines.graph import streams_of
from pipelines.engines.isolation import OperatorFailed
from pipelines.engines.job_settings import JobSettings
from pipelines.engines.own_brokers import OpenSqlite
from pipelines.pipeline import Pipeline
from schemas.catalog import INPUTS, TABLES
from schemas.device_logs import DEVICE_LOGS
from schemas.record import Append, Headers
from schemas.sequence import SEQUENCE_HEADER
from tests.integration.test_merged_streams import PIPELINE as MERGED
from tests.jobs.counting import COUNTS, SILENCES
from tests.jobs.fragile import COPY
from tests.sameness_differences import differences
from tests.sameness_events import SameInput
from tests.sameness_outcome import Outcome, read_outcome, records_of
from tests.tiny_text_bundle import write_tiny_text_bundle

GIVEN = SameInput(seed=11, about=400)
SETTINGS = JobSettings(tick_s=None, batch_records=50)
Hubbub = Callable[..., Any]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text model in miniature: the engines differ around models, not in them."""
    return write_tiny_text_bundle(tmp_path_factory.mktemp("bundle") / "today")


def opened(path: Path, records: Sequence[Append]) -> SqliteBroker:
    broker = SqliteBroker(path, durability="off")
    broker.create_topics([*TABLES, *INPUTS])
    broker.append(records)
    return broker


def beam(broker: SqliteBroker, processes: int = 1, settings: JobSettings = SETTINGS) -> BeamEngine:
    return BeamEngine(broker, settings, open_broker=OpenSqlite(broker.path), processes=processes)


def embedded(broker: SqliteBroker) -> EmbeddedEngine:
    return EmbeddedEngine(broker, SETTINGS)


def rows(broker: Broker, topic: str) -> list[tuple[bytes | None, bytes | None, Headers]]:
    """Everything of the records but what tells when their input arrived: it arrived once on each of two brokers."""
    return [
        (one.key, one.value, tuple(header for header in one.headers if header[0] != SEQUENCE_HEADER))
        for one in records_of(broker, topic)
    ]


@pytest.fixture(scope="module")
def reference(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """What the embedded engine makes of the events."""
    path = tmp_path_factory.mktemp("reference") / "hubbub.db"
    with opened(path, GIVEN.records()) as broker:
        embedded(broker).run(shipped_pipelines({"text-enzh": bundle}), until_end=True)
        return path, read_outcome(broker)


def test_the_same_as_embedded(tmp_path: Path, bundle: Path, reference: tuple[Path, Outcome]) -> None:
    """Also in two runs, the first of which ended in the middle: its memory and place are the group's."""
    print(f"seed {GIVEN.seed}")
    records = GIVEN.records()
    pipelines = shipped_pipelines({"text-enzh": bundle})
    with opened(tmp_path / "hubbub.db", records[:150]) as broker:
        beam(broker).run(pipelines, until_end=True)
        broker.append(records[150:])
        report = beam(broker, settings=JobSettings(tick_s=None)).run(pipelines, until_end=True)
        outcome = read_outcome(broker)
    found = differences(reference[1], outcome)
    assert not found, "\n".join(map(str, found[:5]))
    assert outcome.repeats == 0
    assert len(outcome.letters) >= 1 and outcome.alerts
    assert report.total("in") > 400 and report.pipelines["logs"].seconds["operators"] > 0


def test_engines_take_over_from_each_other(tmp_path: Path) -> None:
    """Place and memory belong to the group, not to the engine that worked for it."""
    bad = Append(DEVICE_LOGS.name, b"d1", b"{")
    records = [one for record in GIVEN.records() for one in ([record, bad] if record.key == b"freezer-2" else [record])]
    with opened(tmp_path / "one.db", records) as one, opened(tmp_path / "two.db", records[:100]) as two:
        embedded(one).run([COUNTS, SILENCES], until_end=True)
        embedded(two).run([COUNTS, SILENCES], until_end=True)
        two.append(records[100:250])
        beam(two).run([COUNTS, SILENCES], until_end=True)
        two.append(records[250:])
        embedded(two).run([COUNTS, SILENCES], until_end=True)
        for topic in ("test.numbered", "test.silences", "dead.letters"):
            assert _without_engine(rows(one, topic)) == _without_engine(rows(two, topic)), topic
            assert rows(one, topic), topic


def _without_engine(found: Sequence[tuple[bytes | None, bytes | None, Headers]]) -> Sequence[object]:
    """Without what says when and by whom a dead letter was found; they come partition by partition."""
    other = {"dlq.failed_at", "dlq.engine", "dlq.original_timestamp"}
    return sorted((key, value, [one for one in headers if one[0] not in other]) for key, value, headers in found)


def test_two_processes_are_one_answer(tmp_path: Path) -> None:
    with opened(tmp_path / "one.db", GIVEN.records()) as one, opened(tmp_path / "two.db", GIVEN.records()) as two:
        embedded(one).run([MERGED, SILENCES], until_end=True)
        beam(two, processes=2).run([MERGED, SILENCES], until_end=True)
        for topic in ("test.merged", "test.silences"):
            assert rows(one, topic) == rows(two, topic) != [], topic
        assert [one.committed("hubbub-silences", part) for part in _parts(SILENCES)] == [
            two.committed("hubbub-silences", part) for part in _parts(SILENCES)
        ]


def _parts(pipeline: Pipeline) -> list[Any]:
    return [part for stream in streams_of(pipeline) for part in stream.parts]


def test_a_stopped_job_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """A wish to stop is heard between two steps; what was done is committed, so nothing is done twice."""
    stop = threading.Event()
    with opened(tmp_path / "one.db", _lines(3000)) as one, opened(tmp_path / "two.db", _lines(3000)) as two:
        embedded(one).run([COUNTS], until_end=True)
        watcher = threading.Thread(target=_stop_when_begun, args=(two.path, stop))
        watcher.start()
        beam(two, settings=JobSettings(tick_s=None, batch_records=1)).run([COUNTS], stop=stop, until_end=True)
        watcher.join()
        done = len(rows(two, "test.numbered"))
        assert 0 < done < 3000
        beam(two).run([COUNTS], until_end=True)
        assert rows(one, "test.numbered") == rows(two, "test.numbered")


def _stop_when_begun(path: Path, stop: threading.Event) -> None:
    with SqliteBroker(path) as broker:
        while not sum(broker.ends(["test.numbered"]).values()):
            broker.wait(0.01)
    stop.set()


def _lines(number: int, message: str = "still here") -> list[Append]:
    found = []
    for i in range(number):
        time = f"2026-03-01T{i // 3600:02}:{i // 60 % 60:02}:{i % 60:02}Z"
        value = {"device_id": f"d{i % 7}", "event_time": time, "message": message}
        found.append(Append(DEVICE_LOGS.name, f"d{i % 7}".encode(), orjson.dumps(value)))
    return found


@pytest.mark.parametrize("processes", [1, 2])
def test_a_worker_s_error_is_the_job_s(tmp_path: Path, processes: int) -> None:
    """It has its own name and sentence, and nothing is committed."""
    with opened(tmp_path / "hubbub.db", _lines(40, "raise")) as broker:
        with pytest.raises(OperatorFailed, match="operator fragile raised ValueError: cannot think of an answer, on"):
            beam(broker, processes).run([COPY], until_end=True)
        assert broker.groups() == []


def test_a_worker_that_dies_fails_the_job(tmp_path: Path) -> None:
    """It is no hang, and says what to do; the record that killed it is for the embedded engine to isolate."""
    lines = [*_lines(20), *_lines(1, "abort"), *_lines(20)]
    with opened(tmp_path / "hubbub.db", lines) as broker:
        with pytest.raises(BeamFailed, match="a worker process of Beam died"):
            beam(broker, 2).run([COPY], until_end=True)
        assert broker.groups() == []


def test_a_group_that_others_work_for_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beam_bounded, "ASSIGNMENT_S", 0.5)
    with opened(tmp_path / "hubbub.db", _lines(40)) as broker, SqliteBroker(tmp_path / "hubbub.db") as other:
        embedded(broker).run([COUNTS], until_end=True)
        broker.append(_lines(20))
        member = other.join("hubbub-counts", None, streams_of(COUNTS))
        with pytest.raises(Fenced, match="is another engine at work in this group"):
            beam(broker).run([COUNTS], until_end=True)
        member.leave()
        beam(broker).run([COUNTS], until_end=True)
        assert len(rows(broker, "test.numbered")) == 60


def test_a_stream_without_an_end_is_refused(tmp_path: Path) -> None:
    with SqliteBroker(tmp_path / "hubbub.db") as broker, pytest.raises(NoEnd, match="add --until-end"):
        beam(broker).run([COUNTS])


def test_replay_by_beam_is_the_same_report(
    hubbub: Hubbub, tmp_path: Path, bundle: Path, reference: tuple[Path, Outcome]
) -> None:
    (tmp_path / "hubbub.toml").write_text(f'[models]\ntext-enzh = "{bundle}"\n', encoding="utf-8")
    reports = []
    for engine in (("embedded",), ("beam", "--processes", "1")):
        answer = hubbub("replay", "--broker", f"sqlite:{reference[0]}", "--json", "--engine", *engine)
        assert answer.status == 0, answer.err
        reports.append(_without_seconds(json.loads(answer.out)))
    assert reports[0] == reports[1]
    assert reports[0]["topics"]["alerts"]["identical"] == reports[0]["topics"]["alerts"]["both"] > 10


def _without_seconds(report: Any) -> Any:
    if isinstance(report, dict):
        return {name: _without_seconds(value) for name, value in report.items() if not name.endswith("_s")}
    return [_without_seconds(one) for one in report] if isinstance(report, list) else report


def test_the_command_line_runs_it(hubbub: Hubbub, tmp_path: Path) -> None:
    opened(tmp_path / "hubbub.db", _lines(30)).close()
    answer = hubbub("run", "tests.jobs.counting:COUNTS", "--engine", "beam", "--until-end", "--json")
    assert answer.status == 0, answer.err
    assert json.loads(answer.out)["events"] == 30
    assert hubbub("run", "logs", "--processes", "2").status == 2


def test_the_runner_s_ports_are_this_machine_s_alone() -> None:
    """Beam opens them to all; the same server within the block is not to be reached by another of our addresses."""
    from apache_beam.runners.portability.fn_api_runner import worker_handlers

    from pipelines.engines.beam.loopback import on_loopback

    with on_loopback(), ThreadPoolExecutor(1) as threads:
        server = worker_handlers.grpc.server(threads)
        port = server.add_insecure_port("[::]:0")
        server.start()
        listening = {one.laddr.ip for one in psutil.Process().net_connections("tcp") if one.laddr.port == port}
        server.stop(None).wait()
    assert listening and listening <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}
