"""One side of a replay, run with other code: its history goes there as files, what it wrote comes back as files."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.broker import TopicPartition
from pipelines.engines.job_settings import JobSettings
from pipelines.replay.choice import Build, Choice
from pipelines.replay.elsewhere.code import Code
from pipelines.replay.elsewhere.exchange import DESCRIBE, HISTORY, OUTPUT, RUN, Described, pipeline_of
from pipelines.replay.elsewhere.other_process import ask
from pipelines.replay.elsewhere.record_files import RecordFiles, write_records, write_topics
from pipelines.replay.history import History
from pipelines.replay.run_side import Progress, Side, Stopped
from pipelines.replay.watcher import Watcher
from schemas.ticks import TICKS


def describe(code: Code, build: Build, choice: Choice, folder: Path, watcher: Watcher) -> tuple[Described, ...]:
    """Ask which pipelines the other code makes of a choice. Raises Stopped."""
    answer = ask(code, folder, _request(DESCRIBE, build, choice), stop=watcher.stop)
    if answer is None:
        raise Stopped
    return tuple(pipeline_of(one) for one in answer["pipelines"])


def run_elsewhere(
    code: Code,
    build: Build,
    choice: Choice,
    history: History,
    settings: JobSettings,
    folder: Path,
    *,
    group: str | None,
    watcher: Watcher,
) -> Side:
    """Run a choice's pipelines over history in the other code's process, to its end. Raises Stopped."""
    _write_history(history, folder / HISTORY, with_ticks=group is not None)
    spans = [
        {"topic": part.topic, "partition": part.partition, **dataclasses.asdict(span)}
        for part, span in history.spans.items()
    ]
    request = _request(RUN, build, choice) | {
        "history": history.name,
        "spans": spans,
        "group": group,
        "settings": dataclasses.asdict(settings),
    }
    before = watcher.progress.before

    def done(count: int) -> None:
        watcher.progress.before = before + count

    answer = ask(code, folder, request, stop=watcher.stop, done=done)
    if answer is None:
        raise Stopped
    _count_whole(watcher.progress, before, history, answer)
    return Side(
        choice.name,
        RecordFiles(folder / OUTPUT, f"what {code} wrote"),
        models=answer["models"],
        seconds=answer["seconds"],
        dead_letters=answer["dead_letters"],
    )


def _request(do: str, build: Build, choice: Choice) -> dict[str, Any]:
    return {
        "do": do,
        "name": choice.name,
        "pipelines": list(build.names),
        "topics": None if build.topics is None else list(build.topics),
        "models": {name: str(Path(folder).absolute()) for name, folder in choice.models.items()},
        "rules": None if choice.rules is None else str(choice.rules.absolute()),
        "thresholds": [f"{one.owner}{'.' if one.field else ''}{one.field}={one.value}" for one in choice.thresholds],
        "false_alarms_per_month": choice.false_alarms_per_month,
    }


def _write_history(history: History, folder: Path, *, with_ticks: bool) -> None:
    """Write what is replayed; and the original ticks, with the ids of the events that they lie behind."""
    for part, span in history.spans.items():
        write_records(history.broker, folder, part, span.start, span.end)
    existing = history.broker.topics()
    if not with_ticks or TICKS.name not in existing:
        return
    write_topics(history.broker, folder, [TICKS.name])
    for topic in sorted(existing):
        if topic.endswith(".enriched") and topic not in history.topics:
            for number in range(existing[topic]):
                part = TopicPartition(topic, number)
                write_records(history.broker, folder, part, *history.broker.bounds(part), bare=True)


def _count_whole(progress: Progress, before: int, history: History, answer: dict[str, Any]) -> None:
    pipelines: Sequence[Described] = [pipeline_of(one) for one in answer["pipelines"]]
    read = [topic.name for pipeline in pipelines for topic in pipeline.sources]
    progress.before = before + sum(
        (span.end - span.start) * read.count(part.topic) for part, span in history.spans.items()
    )
