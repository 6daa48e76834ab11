"""The work of the process that runs other code: say which pipelines there are, or run them over the history."""

from __future__ import annotations

import dataclasses
import threading
import traceback
from pathlib import Path
from typing import Any, cast

from infra.broker import Broker, TopicPartition
from pipelines.catalog import ONE_A_MONTH
from pipelines.engines.job_settings import JobSettings
from pipelines.error_sentences import sentence_and_status
from pipelines.replay.choice import Build, Choice
from pipelines.replay.elsewhere.exchange import (
    ANSWER,
    DESCRIBE,
    HISTORY,
    OUTPUT,
    PROGRESS,
    REQUEST,
    described,
    read_json,
    write_json,
)
from pipelines.replay.elsewhere.record_files import RecordFiles, write_topics
from pipelines.replay.history import History, Span
from pipelines.replay.run_side import Progress, run_side
from pipelines.replay.thresholds import read_thresholds
from pipelines.version import VERSION
from pipelines.while_working import done_every

SAY_EVERY_S = 0.25


def work(folder: Path) -> None:
    """Do what the request in `folder` asks, and write the answer; what goes wrong is an answer too."""
    try:
        answer = _answer(folder, read_json(folder / REQUEST))
    except Exception as error:  # noqa: BLE001 - the other side's process shows it
        traceback.print_exc()
        sentence, status = sentence_and_status(error)
        answer = {"error": sentence, "status": status}
    write_json(folder / ANSWER, answer)


def _answer(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    thresholds = read_thresholds(request["thresholds"])
    rules = request.get("rules")
    choice = Choice(
        request["name"],
        request["models"],
        thresholds,
        rules=None if rules is None else Path(rules),
        false_alarms_per_month=request.get("false_alarms_per_month", ONE_A_MONTH),
    )
    pipelines = Build(request["pipelines"], request["topics"])(choice)
    answer: dict[str, Any] = {"hubbub": VERSION, "pipelines": [described(one) for one in pipelines]}
    if request["do"] == DESCRIBE:
        return answer
    progress = Progress()
    with done_every(SAY_EVERY_S, lambda: write_json(folder / PROGRESS, {"done": progress.done})):
        side = run_side(
            choice.name,
            pipelines,
            _history(folder / HISTORY, request),
            folder / "side.db",
            choice.job(_settings(request["settings"])),
            group=request["group"],
            stop=threading.Event(),
            progress=progress,
        )
    with_outputs = dict.fromkeys(sink.topic.name for pipeline in pipelines for sink in pipeline.sinks)
    write_topics(side.broker, folder / OUTPUT, with_outputs)
    side.broker.close()
    return answer | {"models": side.models, "seconds": side.seconds, "dead_letters": side.dead_letters}


def _history(folder: Path, request: dict[str, Any]) -> History:
    spans = {
        TopicPartition(one["topic"], one["partition"]): Span(one["start"], one["compare"], one["end"], one["cut"])
        for one in request["spans"]
    }
    # Nothing but what `Kept` has is asked of a history's broker; older code declares it as a whole Broker.
    return History(cast(Broker, RecordFiles(folder, request["history"])), spans)


def _settings(values: dict[str, Any]) -> JobSettings:
    """Return the job's settings; what this version does not know is left out."""
    known = {field.name for field in dataclasses.fields(JobSettings)}
    return JobSettings(**{name: value for name, value in values.items() if name in known})
