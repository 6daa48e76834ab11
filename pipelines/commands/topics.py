"""`hubbub topics`: what flows where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.commands.options import broker_options, json_option, opened_broker, settings_of

if TYPE_CHECKING:
    from pipelines.seen_columns import SeenColumns
    from schemas.topic import Topic


@click.group(epilog="Example: hubbub topics describe device.logs")
def topics() -> None:
    """List, create and describe topics."""


@topics.command("list", epilog="Example: hubbub topics list --broker sqlite:hubbub.db")
@broker_options
@json_option
def list_(*, broker: str | None, config: Path | None, as_json: bool) -> None:
    """List the topics that hubbub knows and those that the broker has, with their partitions and records.

    Records are counted from the first to the last one kept; what compaction removed in between counts too, and on
    Kafka the marks at which transactions end.
    """
    import orjson

    from infra.broker import TopicPartition
    from infra.broker_url import is_kafka, sqlite_path
    from pipelines.commands.table import aligned
    from schemas.catalog import TOPICS

    held: dict[str, tuple[int, int]] = {}
    url = settings_of(broker, config).broker.url
    if is_kafka(url) or sqlite_path(url).exists():
        with opened_broker(broker, config, must_exist=True) as opened:
            for name, partitions in opened.topics().items():
                bounds = [opened.bounds(TopicPartition(name, number)) for number in range(partitions)]
                held[name] = (partitions, sum(end - first for first, end in bounds))
    rows = []
    for name in dict.fromkeys([*TOPICS, *held]):
        counts = dict(zip(("partitions", "records"), held.get(name, (None, None)), strict=True))
        own = "bookkeeping of hubbub's own" if name.startswith("hubbub.") else "not one of hubbub's own"
        description = TOPICS[name].description if name in TOPICS else own
        rows.append({"topic": name, **counts, "description": description})
    if as_json:
        for row in rows:
            click.echo(orjson.dumps(row))
        return
    shown = [
        (str(row["topic"]), *("-" if row[name] is None else f"{row[name]:,}" for name in ("partitions", "records")))
        for row in rows
    ]
    header = ("TOPIC", "PARTITIONS", "RECORDS", "WHAT IT HOLDS")
    for line in aligned([header, *((*cells, str(row["description"])) for cells, row in zip(shown, rows, strict=True))]):
        click.echo(line)


@topics.command("create", epilog="Example: hubbub topics create device.logs alarms")
@click.argument("names", nargs=-1, metavar="[TOPIC]...")
@broker_options
def create(*, names: tuple[str, ...], broker: str | None, config: Path | None) -> None:
    """Create topics that do not exist yet; all that hubbub knows when none is named."""
    from schemas.catalog import TOPICS, topic_named

    wanted = [topic_named(name) for name in names] or list(TOPICS.values())
    with opened_broker(broker, config) as opened:
        before = set(opened.topics())
        opened.create_topics(wanted)
    made = [topic.name for topic in wanted if topic.name not in before]
    click.echo(f"{len(made)} created{': ' + ', '.join(made) if made else ''}; {len(wanted) - len(made)} existed")


@topics.command("describe", epilog="Example: hubbub topics describe --asyncapi > asyncapi.json")
@click.argument("names", nargs=-1, metavar="[TOPIC]...")
@click.option("--asyncapi", is_flag=True, help="Print an AsyncAPI 3 document of the topics.")
@broker_options
@json_option
def describe(*, names: tuple[str, ...], asyncapi: bool, broker: str | None, config: Path | None, as_json: bool) -> None:
    """Describe topics and their columns; all that hubbub knows when none is named. --json: JSON Schema, one a line.

    A topic of your own is described from the broker: by the columns of its last records.
    """
    import orjson

    from pipelines.version import VERSION
    from schemas.catalog import TOPICS, topic_named

    own = [name for name in names if name not in TOPICS]
    seen = {} if asyncapi or not own else _seen(own, broker, config)
    wanted = [topic_named(name) for name in names if name not in seen] if names else list(TOPICS.values())
    if asyncapi:
        from schemas.asyncapi import asyncapi_document

        click.echo(orjson.dumps(asyncapi_document(wanted, version=VERSION), option=orjson.OPT_INDENT_2))
    elif as_json:
        from schemas.json_schema import json_schema

        for name in names or TOPICS:
            if name in seen:
                click.echo(orjson.dumps(seen[name][1].json_schema(name)))
            elif TOPICS[name].content == "json":
                click.echo(orjson.dumps(json_schema(TOPICS[name])))
    else:
        told = [_seen_description(name, *seen[name]) if name in seen else _description(TOPICS[name]) for name in names]
        click.echo("\n\n".join(told or [_description(topic) for topic in wanted]))


def _seen(names: list[str], broker: str | None, config: Path | None) -> dict[str, tuple[int, SeenColumns]]:
    """Return the partitions and columns of those topics that the broker has, if there is one."""
    from infra.broker_url import is_kafka, sqlite_path
    from pipelines.seen_columns import seen_columns

    url = settings_of(broker, config).broker.url
    if not is_kafka(url) and not sqlite_path(url).exists():
        return {}
    with opened_broker(broker, config, must_exist=True) as opened:
        existing = opened.topics()
        return {name: (existing[name], seen_columns(opened, name)) for name in names if name in existing}


def _seen_description(name: str, partitions: int, seen: SeenColumns) -> str:
    from pipelines.commands.table import aligned
    from schemas.safe_text import safe_text

    lines = [f"{safe_text(name)}: not one of hubbub's own", f"  {partitions} partitions; nothing declares its columns"]
    if not seen.events:
        looked = f"none of the last {seen.records:,} records is a JSON object" if seen.records else "it is empty"
        return "\n".join([*lines, f"  {looked}"])
    lines.append(f"  in {seen.events:,} of the last {seen.records:,} records:")
    rows = []
    for one in seen.columns.values():
        often = "in each" if one.events == seen.events else f"in {one.events:,}"
        rows.append((safe_text(one.name, 60), " or ".join(sorted(one.types)), often))
    return "\n".join([*lines, *(f"  {line}" for line in aligned(rows))])


def _description(topic: Topic) -> str:
    from pipelines.commands.table import aligned

    kind = ", compacted" if topic.compacted else ""
    lines = [f"{topic.name}: {topic.description}"]
    if topic.content == "raw":
        return f"{lines[0]}\n  {topic.partitions} partitions{kind}; values are bytes as they came"
    lines.append(f"  {topic.partitions} partitions by {topic.key}{kind}; event time in {topic.event_time}")
    rows = []
    for column in topic.schema:
        metadata = {name.decode(): text.decode() for name, text in (column.metadata or {}).items()}
        values = f": {', '.join(metadata['values'].split(chr(10)))}" if "values" in metadata else ""
        kind = str(column.type) if len(str(column.type)) <= 40 else str(column.type).partition("<")[0]
        rows.append(
            (column.name, kind, "" if column.nullable else "required", metadata.get("description", "") + values)
        )
    return "\n".join([*lines, *(f"  {line}" for line in aligned(rows))])
