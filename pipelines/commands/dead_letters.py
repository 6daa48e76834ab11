"""`hubbub dead-letters`: what could not be processed, why, and sending it again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.commands.options import broker_options, json_option, opened_broker
from schemas.dead_letters import REASONS

if TYPE_CHECKING:
    from infra.broker import Broker
    from pipelines.dead_letter_view import DeadLetter


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--since", metavar="TIME", help="Only since 2026-03-01T08:00:00Z, or 10m, 2h, 1d ago.")(
        command
    )
    command = click.option("--topic", metavar="TOPIC", help="Only of this topic.")(command)
    command = click.option("--reason", type=click.Choice(REASONS), metavar="REASON", help="Only of this reason.")(
        command
    )
    return broker_options(command)


@click.group("dead-letters", epilog="Example: hubbub dead-letters list --since 1h")
def dead_letters() -> None:
    """See what could not be processed and why, send it again, or drop it."""


@dead_letters.command("list", epilog="Example: hubbub dead-letters list --reason schema --topic device.logs")
@click.option("--all", "all_", is_flag=True, help="Also those that were sent again or dropped.")
@_filters
@json_option
def list_(*, all_: bool, as_json: bool, broker: str | None, config: Path | None, **filters: str | None) -> None:
    """List dead letters by arrival: id, when, where the record lay, which pipeline could not process it, and why.

    Reasons: bad_json, bad_utf8, schema, too_large, bomb, nan, unknown_device, infer_error, infer_timeout, crash_loop,
    sink_reject, clock.
    """
    from pipelines.commands.table import aligned
    from pipelines.dead_letter_view import fate_of, fates
    from pipelines.event_lines import short_time
    from pipelines.seen_event import time_text
    from schemas.safe_text import safe_text

    with opened_broker(broker, config, must_exist=True) as opened:
        known = fates(opened)
        every = [(one, fate_of(one, known)) for one in _found(opened, **filters)]
    found = [one for one, fate in every if all_ or fate == "open"]
    if as_json:
        import orjson

        for one, fate in every:
            if all_ or fate == "open":
                click.echo(orjson.dumps(_summary(one) | {"state": fate}))
        return
    settled = len(every) - len(found)
    if not found:
        click.echo(f"no dead letters{f'; {settled:,} sent again or dropped, --all shows them' if settled else ''}")
        return
    rows = [("ID", "WHEN", "WHERE", "PIPELINE", "REASON", "MESSAGE")]
    for one in found:
        when = short_time(time_text(one.record.timestamp_us))
        message = safe_text(one.error("exception.message"), 120)
        place, pipeline = safe_text(one.place, 60), safe_text(one.pipeline, 30)
        rows.append((safe_text(one.id[:12], 12), when, place, pipeline, safe_text(one.reason, 20), message))
    for line in aligned(rows):
        click.echo(line)


@dead_letters.command("show", epilog="Example: hubbub dead-letters show 3f2a9c")
@click.argument("id_", metavar="ID")
@broker_options
@json_option
def show(*, id_: str, broker: str | None, config: Path | None, as_json: bool) -> None:
    """Show everything about one dead letter; ID may be cut short where it stays clear which is meant."""
    from pipelines.seen_event import SeenEvent, time_text
    from schemas.safe_text import safe_text

    with opened_broker(broker, config, must_exist=True) as opened:
        one = _one(opened, id_)
    if as_json:
        click.echo(SeenEvent(one.part, one.record).to_json())
        return
    click.echo(f"id      {safe_text(one.id)}")
    click.echo(f"where   {safe_text(one.place)}, now {one.part}@{one.record.offset}")
    click.echo(f"when    {time_text(one.record.timestamp_us)}")
    click.echo(f"failed  in {safe_text(one.pipeline)}, group {safe_text(one.group)}")
    click.echo(f"reason  {safe_text(one.reason)} at {safe_text(one.error('stage'))}")
    click.echo(f"said    {safe_text(one.error('exception.message'), 1024)}")
    click.echo(f"key     {_shown(one.record.key)}")
    click.echo(f"value   {_shown(one.record.value)}")
    click.echo("headers")
    for name, value in one.record.headers:
        click.echo(f"  {safe_text(name)}: {_shown(value)}")


@dead_letters.command("replay", epilog="Example: hubbub dead-letters replay --reason schema --since 1h --yes")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--yes", is_flag=True, help="Send them; without it only what would be sent is said.")
@_filters
def replay(*, ids: tuple[str, ...], yes: bool, broker: str | None, config: Path | None, **filters: str | None) -> None:
    """Send the original records back to their topics, bytes and key as they were; each dead letter once.

    The events keep their ids: another pipeline that had understood one before writes the same answer again, under the
    same event_id, and no alert counts it twice. Without --yes nothing is sent.
    """
    from pipelines.bad_input import BadInput
    from pipelines.dead_letter_view import send_again
    from schemas.safe_text import safe_text

    if not ids and not any(filters.values()):
        raise BadInput("expected IDs, or --reason, --topic or --since, that say which dead letters to send again")
    with opened_broker(broker, config, must_exist=True) as opened:
        found = [_one(opened, one) for one in ids] if ids else _found(opened, **filters)
        sent = 0
        for one in found:
            if one.original() is None:
                click.echo(
                    f"{safe_text(one.id[:12])} does not say where it came from, so it cannot be sent back", err=True
                )
            elif not yes:
                click.echo(
                    f"would send {safe_text(one.id[:12])} ({safe_text(one.reason)}) to {safe_text(one.error('topic'))}"
                )
            else:
                sent += send_again(opened, one)
    if yes:
        before = len(found) - sent
        why = "had been sent before or dropped, or have no origin"
        click.echo(f"{sent:,} sent again{f'; {before:,} {why}' if before else ''}")
    else:
        click.echo(f"{len(found):,} dead letters; nothing was sent, --yes sends them")


@dead_letters.command("drop", epilog="Example: hubbub dead-letters drop --reason bad_json --since 1d --yes")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--yes", is_flag=True, help="Drop them; without it only what would be dropped is said.")
@_filters
def drop(*, ids: tuple[str, ...], yes: bool, broker: str | None, config: Path | None, **filters: str | None) -> None:
    """Note that dead letters need not be sent again: `list` leaves them out, and `replay` does not send them.

    The records stay until retention takes them; `list --all` shows them. Without --yes nothing is dropped.
    """
    from pipelines.bad_input import BadInput
    from pipelines.dead_letter_view import drop as drop_one

    if not ids and not any(filters.values()):
        raise BadInput("expected IDs, or --reason, --topic or --since, that say which dead letters to drop")
    with opened_broker(broker, config, must_exist=True) as opened:
        found = [_one(opened, one) for one in ids] if ids else _found(opened, **filters)
        dropped = sum(drop_one(opened, one) for one in found) if yes else 0
    if yes:
        before = len(found) - dropped
        click.echo(f"{dropped:,} dropped{f'; {before:,} had been sent again or dropped before' if before else ''}")
    else:
        click.echo(f"{len(found):,} dead letters; nothing was dropped, --yes drops them")


def _found(broker: Broker, *, reason: str | None, topic: str | None, since: str | None) -> list[DeadLetter]:
    import time

    from pipelines.dead_letter_view import dead_letters_of
    from pipelines.since import time_us

    since_us = None if since is None else time_us(since, time.time_ns() // 1000)
    return list(dead_letters_of(broker, reason=reason, topic=topic, since_us=since_us))


def _one(broker: Broker, id_: str) -> DeadLetter:
    from pipelines.bad_input import BadInput
    from pipelines.dead_letter_view import dead_letters_of

    found = [one for one in dead_letters_of(broker) if one.id.startswith(id_)]
    if len({one.id for one in found}) != 1:
        many = f"that of {len(found)} dead letters" if found else "that of none"
        raise BadInput(
            f"expected the id of one dead letter, got {many}: {id_!r}; `hubbub dead-letters list` shows them"
        )
    return found[-1]


def _summary(one: DeadLetter) -> dict[str, object]:
    from pipelines.seen_event import time_text

    return {
        "id": one.id,
        "failed_at": one.header("dlq.failed_at") or time_text(one.record.timestamp_us),
        "topic": one.error("topic"),
        "partition": int(one.error("partition") or -1),
        "offset": int(one.error("offset") or -1),
        "pipeline": one.pipeline,
        "group": one.group,
        "reason": one.reason,
        "stage": one.error("stage"),
        "message": one.error("exception.message"),
        "attempts": int(one.header("dlq.attempts") or 1),
    }


def _shown(value: bytes | None) -> str:
    from schemas.safe_text import safe_text

    if value is None:
        return "(none)"
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return f"{value[:512].hex(' ')}{' ...' if len(value) > 512 else ''} ({len(value)} bytes, no UTF-8)"
    return safe_text(text, 4000)
