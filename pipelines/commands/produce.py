"""`hubbub produce`: rows from a file or a pipe into a topic."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.commands.options import broker_options, json_option, opened_broker, settings_of

if TYPE_CHECKING:
    from infra.broker import Broker
    from pipelines.produce.check import Ahead
    from pipelines.produce.row import BadRow
    from pipelines.produce.source import Source

_MOST_NAMED = 20


@click.command(epilog="Example: hubbub produce device.logs router.log --timezone +08:00")
@click.argument("topic")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_",
    type=click.Choice(("jsonl", "lines", "csv", "parquet")),
    metavar="FORMAT",
    help="jsonl, lines (of logs), csv, parquet; default: by the file's suffix, jsonl from a pipe.",
)
@click.option("--timezone", metavar="ZONE", help="Of times that name none: Europe/Berlin, +08:00 (default: UTC).")
@click.option("--year", type=click.IntRange(1970, 9999), metavar="YEAR", help="Of log lines that name none.")
@click.option("--device", metavar="ID", help="Of rows that name none (log lines from a file: else its name).")
@click.option("--raw", is_flag=True, help="Send the bytes of each line untouched and unchecked.")
@broker_options
@json_option
def produce(
    *,
    topic: str,
    file: Path | None,
    format_: str | None,
    timezone: str | None,
    year: int | None,
    device: str | None,
    raw: bool,
    broker: str | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Write rows from FILE, or from a pipe, into TOPIC.

    A file is checked first: if a row is bad it is named, nothing is written, and the status is 2. Then it is written in
    chunks; after an interruption the same command goes on where it stopped, and no row is written twice. A row with an
    event_id from `hubbub subscribe --json` keeps it.

    From a pipe good lines are written soon after they come; bad ones are named, and the status at the end is 2.
    """
    import time

    from pipelines.produce.check import Ahead
    from pipelines.produce.source import Source, check_topic, format_of
    from pipelines.produce.time_zone import NotedZone, zone_named

    if raw and (format_ or timezone or year or device):
        raise click.UsageError("--raw sends bytes untouched: it takes no --format, --timezone, --year or --device")
    check_topic(topic, raw)
    path = None if file is None or str(file) == "-" else file
    format_ = format_of(topic, path, format_, raw)
    if year and format_ != "lines":
        raise click.UsageError(f"--year is for log lines without a year, not for {format_}")
    if device is None and format_ == "lines" and path is not None:
        device = path.stem
    source = Source(topic, format_, NotedZone(zone_named(timezone or "UTC")), year, device)
    max_ahead_s = settings_of(broker, config).job.max_ahead_s
    ahead = Ahead(time.time_ns() // 1000 + round(max_ahead_s * 1e6))
    if path is None:
        with opened_broker(broker, config) as opened:
            status, summary = _from_pipe(opened, source, ahead)
    else:
        status, summary = _from_file(path, source, ahead, broker, config)
    _notes(source, ahead, timezone)
    _print_summary(summary, as_json)
    return status


def _from_file(
    path: Path, source: Source, ahead: Ahead, broker: str | None, config: Path | None
) -> tuple[int, dict[str, object]]:
    from pipelines.bad_input import BadInput
    from pipelines.commands.progress_bar import progress_bar
    from pipelines.error_sentences import DONE, INTERRUPTED, WRONG_USE
    from pipelines.produce.from_file import InputFile
    from pipelines.stop_signals import StopSignals

    summary: dict[str, object] = {"topic": source.topic, "file": str(path), "format": source.format}
    file = InputFile(path, source.read_file, source.check(ahead))
    try:
        try:
            with progress_bar(f"checking {path.name}") as advance:
                checked = file.check(advance)
        except BadInput as error:
            raise BadInput(f"{path}, {error}") from None
        summary |= {"rows": checked.rows, "bad": checked.bad, "written": 0, "written_before": 0}
        if checked.bad:
            for one in checked.shown:
                _say(f"{path}, line {one.line}: {one.message}")
            more = checked.bad - len(checked.shown)
            _say(f"{f'and {more} more; ' if more else ''}nothing was written")
            return WRONG_USE, summary
        with opened_broker(broker, config) as opened, StopSignals() as stop:
            _ensure_topic(opened, source.topic)
            with progress_bar(f"writing {path.name}", checked.rows) as advance:
                written = file.write(opened, source.topic, checked, source.options, advance, stop.requested.is_set)
        summary |= {"written": written.rows, "written_before": written.before}
        if written.complete:
            return DONE, summary
        _say(f"stopped behind line {written.line}; the same command goes on there")
        return INTERRUPTED, summary
    finally:
        file.close()


def _from_pipe(broker: Broker, source: Source, ahead: Ahead) -> tuple[int, dict[str, object]]:
    from pipelines.error_sentences import DONE, INTERRUPTED, WRONG_USE
    from pipelines.produce.from_pipe import write_pipe
    from pipelines.stop_signals import StopSignals

    _ensure_topic(broker, source.topic)
    if sys.stdin.isatty():
        _say("reading from the terminal; Ctrl-D ends it")
    named = 0

    def say(bad: BadRow) -> None:
        nonlocal named
        named += 1
        if named <= _MOST_NAMED:
            _say(f"line {bad.line}: {bad.message}")
        elif named == _MOST_NAMED + 1:
            _say("further bad lines are only counted")

    with StopSignals() as stop:
        piped = write_pipe(
            sys.stdin.fileno(),
            broker,
            source.topic,
            read=source.read_lines,
            check=source.check(ahead),
            say=say,
            stop=stop,
        )
        stopped = stop.requested.is_set()
    summary: dict[str, object] = {
        "topic": source.topic, "file": None, "format": source.format, "rows": piped.written, "bad": piped.bad,
        "written": piped.written, "written_before": 0,
    }  # fmt: skip
    return (INTERRUPTED if stopped else WRONG_USE if piped.bad else DONE), summary


def _ensure_topic(broker: Broker, name: str) -> None:
    from schemas.catalog import TOPICS

    if name in TOPICS:
        broker.create_topics([TOPICS[name]])
    elif name not in broker.topics():
        from infra.broker import BrokerMismatch

        raise BrokerMismatch(f"there is no topic {name!r} in {broker.url}, and hubbub knows none of that name")


def _notes(source: Source, ahead: Ahead, timezone: str | None) -> None:
    """Say what was assumed, and what a job will not believe."""
    if ahead.rows:
        year = "; is --year right?" if source.year else ""
        _say(f"note: {ahead.rows} rows lie in the future; a job makes them dead letters of reason clock{year}")
    if source.zone.used and timezone is None:
        _say("note: times without a zone were taken as UTC; --timezone says otherwise")
    lines = source.log_lines
    if lines is not None and lines.untimed:
        year = "" if source.year else " (--year helps where stamps have no year)"
        _say(f"note: {lines.untimed} lines have no time before them; the time of their arrival counts{year}")
    if lines is not None and lines.undecodable:
        _say(f"note: {lines.undecodable} lines are not UTF-8; the bytes that are not were replaced")


def _print_summary(summary: dict[str, object], as_json: bool) -> None:
    if as_json:
        import orjson

        click.echo(orjson.dumps(summary))
        return
    before = f"; {summary['written_before']:,} had been written before" if summary["written_before"] else ""
    bad = f"; {summary['bad']:,} bad" if summary["bad"] else ""
    click.echo(f"{summary['written']:,} rows written to {summary['topic']}{before}{bad}")


def _say(sentence: str) -> None:
    from schemas.safe_text import safe_text

    click.echo(f"hubbub: {safe_text(sentence, 2000)}", err=True)
