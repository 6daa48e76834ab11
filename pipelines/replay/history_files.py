"""History that lies in files: their rows, checked and written to a file broker of their own, as `produce` would."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC
from itertools import islice
from pathlib import Path
from typing import IO

from infra.broker import Broker, TopicPartition
from pipelines.bad_input import BadInput
from pipelines.produce.check import Check, check_by
from pipelines.produce.numbered_lines import numbered_lines
from pipelines.produce.row import BadRow, Row
from pipelines.produce.settle import Settling, object_of
from pipelines.produce.source import Source, format_of
from pipelines.produce.time_zone import NotedZone
from pipelines.replay.history import History, Span
from schemas.catalog import INPUTS, TOPICS
from schemas.envelope import EVENT_ID_HEADER
from schemas.identity import file_row_id
from schemas.json_codec import JsonCodec
from schemas.record import Append
from schemas.topic import Topic

_ROWS_AT_ONCE = 2000
_BY_NAME = {topic.name: topic for topic in INPUTS}
Advance = Callable[[int], None]
Rows = Iterator[tuple[str, Row | BadRow]]


def history_of_files(
    paths: Sequence[Path], topic: str | None, broker: Broker, advance: Advance = lambda step: None
) -> History:
    """Write the rows of files to `broker`, an empty one, and return them as history.

    A file's rows belong to `topic`, else to the topic that the file is named after (device.logs.jsonl), else each line
    names its own in a key `topic`. Ids are those that the rows were exported with, else made of the file's bytes and
    the line, so the same file gives the same ids. A row without zone is taken as UTC. BadInput names the first bad row.
    """
    broker.create_topics(INPUTS)
    checks: dict[str, Check] = {name: check_by(JsonCodec(known)) for name, known in _BY_NAME.items()}
    for path in paths:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            rows = _rows(file, path, topic)
            while chunk := list(islice(rows, _ROWS_AT_ONCE)):
                by_topic: dict[str, list[Row | BadRow]] = defaultdict(list)
                for name, row in chunk:
                    by_topic[name].append(row)
                for name, some in by_topic.items():
                    good, bad = checks.get(name, _refuse_nameless)(some)
                    if bad:
                        raise BadInput(f"{path}, line {bad[0].line}: {bad[0].message}")
                    broker.append([_append(name, row, digest) for row in good])
                advance(len(chunk))
    spans = {}
    for known in INPUTS:
        for number in range(known.partitions):
            part = TopicPartition(known.name, number)
            first, end = broker.bounds(part)
            spans[part] = Span(first, first, end)
    if not any(span.end > span.start for span in spans.values()):
        raise BadInput(f"there are no rows in {', '.join(str(path) for path in paths)}")
    filled = {part.topic for part, span in spans.items() if span.end > span.start}
    kept = {part: span for part, span in spans.items() if part.topic in filled}
    return History(broker, kept, files=tuple(str(path) for path in paths))


def topic_of_file(path: Path, named: str | None) -> Topic | None:
    """Return the topic of all rows of a file; None when each row names its own. BadInput for one that is no input."""
    if named is not None:
        if named not in _BY_NAME:
            raise BadInput(f"expected one of the input topics {', '.join(_BY_NAME)}, got {named!r}")
        return _BY_NAME[named]
    named_after = [name for name in TOPICS if f"{path.name}.".startswith(f"{name}.")]
    if not named_after:
        return None
    name = max(named_after, key=len)  # device.logs.enriched.jsonl holds no device.logs
    if name not in _BY_NAME:
        raise BadInput(
            f"{path} is named after {name}; only input topics are replayed from files: {', '.join(_BY_NAME)}"
        )
    return _BY_NAME[name]


def _refuse_nameless(rows: Iterable[Row | BadRow]) -> tuple[list[Row], list[BadRow]]:
    return [], [row for row in rows if isinstance(row, BadRow)]


def _rows(file: IO[bytes], path: Path, named: str | None) -> Rows:
    topic = topic_of_file(path, named)
    if topic is not None:
        source = Source(topic.name, format_of(topic.name, path, None, raw=False), NotedZone(UTC))
        for row in source.read_file(file):
            yield topic.name, row
        return
    if path.suffix.lower() not in (".jsonl", ".ndjson", ".json"):
        raise BadInput(f"{path} is named after no input topic ({', '.join(_BY_NAME)}); name its --topic")
    zone = NotedZone(UTC)
    settlings = {name: Settling(known, zone) for name, known in _BY_NAME.items()}
    for number, line in numbered_lines(file):
        if not line.strip():
            continue
        event = object_of(number, line)
        if isinstance(event, BadRow):
            yield "", event
            continue
        own = event.pop("topic", None)
        if not isinstance(own, str) or own not in settlings:
            said = "none" if own is None else repr(own)[:60]
            expected = f"expected a key `topic` with one of {', '.join(_BY_NAME)}, or --topic for the whole file"
            yield "", BadRow(number, f"{expected}; got {said}")
            continue
        yield own, settlings[own].event(number, event)


def _append(topic: str, row: Row, digest: str) -> Append:
    event_id = row.event_id or file_row_id(digest, row.line)
    return Append(topic, row.key, row.value, ((EVENT_ID_HEADER, event_id.encode()),))
