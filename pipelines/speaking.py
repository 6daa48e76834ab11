"""How a command that runs for long speaks on stderr: sentences for people, or one JSON object a line for programs.

With JSON everything that is said there is such an object: the command's own sentences, what the libraries log, Python's
warnings, the error that ends it. Trace ids stand under OpenTelemetry's names for logs that are not its own.
Source: OpenTelemetry, "Trace Context in non-OTLP Log Formats".
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import click
import orjson

from pipelines.engines.step_watch import current_step
from pipelines.error_sentences import sentence_and_status
from pipelines.seen_event import time_text
from schemas.safe_text import safe_text

FORMATS: Final = ("text", "json")
MOST_CHARACTERS: Final = 2000
_PREFIX: Final = "hubbub: "
_OWN: Final = ("hubbub", "infra", "models", "operators", "pipelines", "schemas")

_log = logging.getLogger("hubbub")


class JsonLines(logging.Handler):
    """Writes each thing that is logged as one JSON object on a line of stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        try:
            click.echo(json_line(record), err=True)
        except Exception:  # noqa: BLE001 - a log that cannot be written must not end the work
            self.handleError(record)


def json_line(record: logging.LogRecord) -> bytes:
    """Return what was logged as a JSON object: time, level, logger, message, thread, the step's trace, fields."""
    line: dict[str, Any] = {
        "time": time_text(round(record.created * 1e6)),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": safe_text(record.getMessage(), MOST_CHARACTERS),
        "thread": record.threadName,
        "pid": record.process,
    }
    if step := current_step():
        line["trace_id"] = line["step_id"] = step
    fields: dict[str, object] = getattr(record, "fields", {})
    line |= {name: safe_text(one, MOST_CHARACTERS) if isinstance(one, str) else one for name, one in fields.items()}
    if record.exc_info is not None and record.exc_info[0] is not None:
        line["exception"] = safe_text(logging.Formatter().formatException(record.exc_info), 4 * MOST_CHARACTERS)
    return orjson.dumps(line, default=str)


def say(sentence: str, **fields: object) -> None:
    """Say a sentence to whoever runs the command."""
    if any(isinstance(one, JsonLines) for one in logging.getLogger().handlers):
        _log.info("%s", sentence.removeprefix(_PREFIX), extra={"fields": fields})
    else:
        click.echo(sentence, err=True)


@contextmanager
def speaking(format_: str) -> Iterator[None]:
    """Speak in this format until the block ends; with JSON, an error is said here and becomes an exit status."""
    if format_ != "json":
        yield
        return
    handler = JsonLines()
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in _OWN}
    root.addHandler(handler)
    for name in _OWN:
        logging.getLogger(name).setLevel(logging.INFO)
    logging.captureWarnings(True)
    try:
        yield
    except Exception as error:
        if isinstance(error, (click.exceptions.Exit, click.Abort)) or os.environ.get("HUBBUB_DEBUG") == "1":
            raise
        sentence, status = sentence_and_status(error)
        _log.error("%s", sentence, extra={"fields": {"status": status}})
        raise click.exceptions.Exit(status) from error
    finally:
        logging.captureWarnings(False)
        root.removeHandler(handler)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
