"""Colours of severities, where a terminal reads and nobody asked for none."""

from __future__ import annotations

import os
import sys

import click

from pipelines.event_lines import Paint, plain

_COLOURS: dict[str, dict[str, str | bool]] = {
    "critical": {"fg": "red", "bold": True},
    "major": {"fg": "red"},
    "minor": {"fg": "yellow"},
    "warning": {"fg": "yellow"},
    "cleared": {"fg": "green"},
}


def paint_for_terminal() -> Paint:
    """Return how severities are painted here: not at all when stdout is no terminal, or NO_COLOR is set."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return plain
    return lambda text, severity: click.style(text, **_COLOURS.get(severity, {}))  # type: ignore[arg-type]
