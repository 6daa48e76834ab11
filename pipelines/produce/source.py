"""How the rows of one input are read and checked: its format, and what settles what the rows leave out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from pipelines.bad_input import BadInput
from pipelines.produce.check import Ahead, Check, check_by, check_nothing
from pipelines.produce.numbered_lines import numbered_lines
from pipelines.produce.read_lines import Lines, LogLineReader, read_json_lines, read_raw_lines
from pipelines.produce.row import Rows
from pipelines.produce.settle import Settling
from pipelines.produce.time_zone import NotedZone
from schemas.catalog import TOPICS
from schemas.device_logs import DEVICE_LOGS
from schemas.json_codec import JsonCodec

FORMATS: Final = ("jsonl", "lines", "csv", "parquet")
PIPE_FORMATS: Final = ("jsonl", "lines", "raw")
_BY_SUFFIX: Final = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv", ".parquet": "parquet", ".pq": "parquet",
    ".log": "lines", ".txt": "lines",
}  # fmt: skip


@dataclass
class Source:
    """One input of one topic. `format` is one of FORMATS, or "raw": bytes as they are.

    `device` is for rows that name none; `year` and `zone` for time stamps that lack them.
    """

    topic: str
    format: str
    zone: NotedZone
    year: int | None = None
    device: str | None = None
    log_lines: LogLineReader | None = None

    @property
    def options(self) -> str:
        """What decides, beside the bytes of a file, which rows it holds."""
        return f"{self.format} {self.zone} {self.year} {self.device}"

    def read_file(self, file: IO[bytes]) -> Rows:
        """Return the rows of a file from its beginning."""
        self.log_lines = None
        if self.format == "parquet":
            from pipelines.produce.read_tables import read_parquet  # noqa: PLC0415 - Parquet is slow to import

            return read_parquet(file, self._settling())
        if self.format == "csv":
            from pipelines.produce.read_tables import read_csv  # noqa: PLC0415

            return read_csv(numbered_lines(file), self._settling())
        return self.read_lines(numbered_lines(file))

    def read_lines(self, lines: Lines) -> Rows:
        """Return the rows of some lines; further calls go on with the lines after them."""
        if self.format == "raw":
            return read_raw_lines(lines)
        if self.format == "jsonl":
            return read_json_lines(lines, self._settling())
        if self.log_lines is None:
            self.log_lines = LogLineReader(self._settling(), self.year)
        return self.log_lines.rows(lines)

    def check(self, ahead: Ahead) -> Check:
        """Return the check that rows must pass; it counts those that lie `ahead` of their arrival."""
        return check_nothing if self.format == "raw" else check_by(JsonCodec(TOPICS[self.topic]), ahead)

    def _settling(self) -> Settling:
        return Settling(TOPICS[self.topic], self.zone, self.device)


def check_topic(name: str, raw: bool) -> None:
    """Refuse a topic that rows cannot be checked for; bytes may go anywhere."""
    known = TOPICS.get(name)
    if raw or (known is not None and known.content == "json" and not known.internal):
        return
    able = [topic.name for topic in TOPICS.values() if topic.content == "json" and not topic.internal]
    raise BadInput(
        f"expected one of the topics {', '.join(able)}, got {name!r}; --raw sends bytes to any topic that exists"
    )


def format_of(topic: str, file: Path | None, named: str | None, raw: bool) -> str:
    """Return the format of an input: the one that was named, or what the file's suffix says; JSON lines from a pipe."""
    if raw:
        return "raw"
    found = named or ("jsonl" if file is None else _BY_SUFFIX.get(file.suffix.lower()))
    if found is None:
        raise BadInput(
            f"expected a file name with one of {' '.join(_BY_SUFFIX)}, got {str(file)!r}; or name its --format"
        )
    if found == "lines" and topic != DEVICE_LOGS.name:
        raise BadInput(f"raw log lines are rows of {DEVICE_LOGS.name}; expected jsonl, csv or parquet for {topic}")
    if file is None and found not in PIPE_FORMATS:
        raise BadInput(f"expected jsonl or lines from a pipe, got {found}; give {found} as a FILE")
    return found
