"""`hubbub alerts feedback`: what people said of alerts, to read or to learn from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from pipelines.commands.options import broker_options, json_option, opened_broker
from schemas.alert_feedback import VERDICTS


@click.command("feedback", epilog="Example: hubbub alerts feedback --verdict right --json > labels.jsonl")
@click.option("--verdict", type=click.Choice(VERDICTS), help="Only what was called so.")
@click.option("--rule", metavar="NAME", help="Only alerts of this rule.")
@click.option("--texts", is_flag=True, help='Print JSON lines of "text" and "label", for `hubbub train intents`.')
@broker_options
@json_option
def feedback(
    *, verdict: str | None, rule: str | None, texts: bool, broker: str | None, config: Path | None, as_json: bool
) -> None:
    """List what people said of alerts, the last verdict on each.

    With --json one flat row for each: `hubbub train records --target verdict` learns from them, and those of --verdict
    right are labels for `hubbub replay --labels`. With --texts each text that an alert rests on with the label that it
    should have had, where somebody said so.
    """
    import orjson

    from pipelines.alert_feedback import feedback_of, labelled_row, labelled_texts
    from pipelines.commands.table import aligned

    with opened_broker(broker, config, must_exist=True) as opened:
        every = feedback_of(opened)
    found = [one for one in every if verdict in (None, one["verdict"]) and rule in (None, one["rule"])]
    if texts:
        for row in labelled_texts(found):
            click.echo(orjson.dumps(row))
    elif as_json:
        for one in found:
            click.echo(orjson.dumps(labelled_row(one)))
    elif found:
        header = ("WHEN", "VERDICT", "BY", "RULE", "DEVICE", "ID", "WHY")
        for line in aligned([header, *map(_cells, found)]):
            click.echo(line)
    else:
        click.echo("no feedback")


def _cells(event: Mapping[str, Any]) -> tuple[str, ...]:
    from pipelines.event_lines import short_time
    from schemas.safe_text import safe_text

    should_be = event.get("should_be")
    why = [f"should be {should_be}"] if should_be else []
    why += [str(event["text"])] if event.get("text") else []
    named = [safe_text(str(event[name]), 24) for name in ("by", "rule", "device_id")]
    told = safe_text("; ".join(why) or str(event.get("summary", "")), 160)
    return (
        short_time(str(event["event_time"])),
        str(event["verdict"]),
        *named,
        safe_text(str(event["fingerprint"])[:8], 8),
        told,
    )
