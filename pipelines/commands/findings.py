"""Findings on a terminal, or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pipelines.doctor.finding import Finding

_COLOURS = {"fine": "green", "look": "yellow", "wrong": "red"}


def print_findings(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print one line a finding."""
    import orjson

    from pipelines.commands.table import aligned
    from schemas.safe_text import safe_text

    if as_json:
        for finding in findings:
            click.echo(orjson.dumps({"area": finding.area, "level": finding.level, "sentence": finding.sentence}))
        return
    rows = [(finding.level, finding.area, safe_text(finding.sentence, 1000)) for finding in findings]
    for finding, line in zip(findings, aligned(rows), strict=True):
        click.echo(click.style(finding.level, fg=_COLOURS[finding.level]) + line[len(finding.level) :])
