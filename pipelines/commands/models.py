"""`hubbub models`: what is installed, what its card says, whether it holds, and how two differ."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.commands.options import chosen_models, json_option, settings_of

if TYPE_CHECKING:
    from models.card import Card
    from pipelines.compare_models import Comparison

CONFIG = click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings file.")
TEXT_TASKS = ("messages", "logs", "alarms")


@click.group(epilog="Example: hubbub models verify")
def models() -> None:
    """List, show, verify and compare models. MODEL is a name, or the folder of a bundle."""


@models.command("list", epilog="Example: hubbub models list")
@CONFIG
@json_option
def list_(*, config: Path | None, as_json: bool) -> None:
    """List the models that commands use here: those that came with hubbub, and those that settings put in place."""
    import orjson
    from rich.filesize import decimal

    from models.bundle import BundleRefused, read_card
    from pipelines.commands.table import aligned
    from pipelines.installed_models import installed_models

    rows = []
    for one in installed_models(chosen_models(settings_of(None, config))):
        row: dict[str, object] = {"name": one.name, "from": one.origin, "folder": str(one.folder)}
        try:
            card, digest = read_card(one.folder)
        except BundleRefused as refused:
            row["refused"] = str(refused)
        else:
            held = sum((one.folder / name).stat().st_size for name in card.files if (one.folder / name).exists())
            row |= {"model": card.name, "version": card.version, "task": card.task, "bytes": held, "digest": digest}
        rows.append(row)
    if as_json:
        for row in rows:
            click.echo(orjson.dumps(row))
        return
    shown = [
        (
            str(row["name"]),
            "refused" if "refused" in row else f"{row['model']} {row['version']}",
            str(row.get("task", "-")),
            decimal(size) if isinstance(size := row.get("bytes"), int) else "-",
            str(row["from"]),
            str(row["folder"]),
        )
        for row in rows
    ]
    for line in aligned([("NAME", "MODEL", "TASK", "SIZE", "FROM", "FOLDER"), *shown]):
        click.echo(line)
    for row in rows:
        if "refused" in row:
            click.echo(f"{row['name']}: {row['refused']}")


@models.command("show", epilog="Example: hubbub models show text-enzh")
@click.argument("model", metavar="MODEL")
@CONFIG
@json_option
def show(*, model: str, config: Path | None, as_json: bool) -> None:
    """Show a model's card: what it answers, what it was trained on, under which licences, and how well it does."""
    import orjson

    from models.bundle import CARD, read_card
    from pipelines.installed_models import find_model

    found = find_model(model, chosen_models(settings_of(None, config)))
    card, digest = read_card(found.folder)
    written = orjson.loads((found.folder / CARD).read_bytes())
    if as_json:
        click.echo(orjson.dumps({"folder": str(found.folder), "digest": digest, "card": written}))
    else:
        click.echo("\n".join(_card_lines(card, written, digest, found.folder)))


def _card_lines(card: Card, written: dict[str, object], digest: str, folder: Path) -> list[str]:
    lines = [f"{card.name} {card.version}: task {card.task}", f"  folder   {folder}", f"  digest   {digest}"]
    lines.append(f"  runtime  ONNX Runtime {card.runtime.onnxruntime}, optimization {card.runtime.optimization}")
    if card.base_model:
        lines.append(f"  from     {card.base_model}")
    lines.append("answers")
    lines += [f"  {head.name}: {', '.join(head.labels)}" for head in card.heads]
    lines.append("files")
    lines += [f"  {name}  sha256 {sha256}" for name, sha256 in card.files.items()]
    if card.training_sets:
        lines.append("trained on")
        lines += [f"  {_training_set(one)}" for one in card.training_sets]
    for title, text in (("training", written.get("training_note")), ("licence", card.licence_note)):
        if text:
            lines += [title, f"  {text}"]
    if card.metrics:
        lines.append("metrics")
        lines += _indented(card.metrics, 2)
    lines.append(f"golden examples: {len(card.golden)}; `hubbub models verify` checks them")
    return lines


def _training_set(one: object) -> str:
    if not isinstance(one, dict):
        return str(one)
    rows = f", {one['rows']:,} rows" if isinstance(one.get("rows"), int) else ""
    return f"{one.get('name', '?')}{rows}, {one.get('licence', 'licence not said')}"


def _indented(values: dict[str, object], depth: int) -> list[str]:
    """Return nested figures as indented lines; an object that holds only figures is one line."""
    lines = []
    for name, value in values.items():
        if isinstance(value, dict) and any(isinstance(one, dict) for one in value.values()):
            lines += [f"{' ' * depth}{name}", *_indented(value, depth + 2)]
        elif isinstance(value, dict):
            lines.append(f"{' ' * depth}{name}: {', '.join(f'{key} {one}' for key, one in value.items())}")
        else:
            lines.append(f"{' ' * depth}{name}: {value}")
    return lines


@models.command("verify", epilog="Example: hubbub models verify bundles/my-text")
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@CONFIG
@json_option
def verify(*, names: tuple[str, ...], config: Path | None, as_json: bool) -> int:
    """Check every byte of a bundle against its card, load it, and ask it its golden examples; all when none is named.

    Exit status 1 when one of them does not hold.
    """
    import orjson

    from models.bundle import BundleRefused
    from pipelines.installed_models import find_model, installed_models, verified_identity

    chosen = chosen_models(settings_of(None, config))
    status = 0
    for one in [find_model(name, chosen) for name in names] or installed_models(chosen):
        row: dict[str, object] = {"name": one.name, "folder": str(one.folder), "holds": True}
        try:
            row["identity"] = verified_identity(one.folder)
        except BundleRefused as refused:
            row |= {"holds": False, "refused": str(refused)}
            status = 1
        if as_json:
            click.echo(orjson.dumps(row))
        else:
            click.echo(f"{one.name}: holds, {row['identity']}" if row["holds"] else f"{one.name}: {row['refused']}")
    return status


@models.command("compare", epilog="Example: hubbub models compare text-enzh bundles/my-text messages.jsonl")
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default="-", metavar="[FILE]")
@click.option("--task", type=click.Choice((*TEXT_TASKS, "telemetry")), help="What to ask (default: by the model).")
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    metavar="SHARE",
    help="Most flips, as a share of an answer's lines, that still count as the same.",
)
@CONFIG
@json_option
def compare(
    *, one: str, other: str, file: Path, task: str | None, tolerance: float, config: Path | None, as_json: bool
) -> int:
    """Ask two models the same JSON lines (of FILE or stdin): which labels flip, how far scores move, how fast each is.

    Exit status 1 when the answers of one kind flip more often than --tolerance says.
    """
    import orjson

    from models.bundle import read_card
    from pipelines.bad_input import BadInput
    from pipelines.compare_models import compare_models
    from pipelines.installed_models import find_model
    from pipelines.scoring.lines import LineReader
    from pipelines.scoring.task import TASKS
    from schemas.strict_json import DEFAULT_LIMITS

    chosen = chosen_models(settings_of(None, config))
    folders = find_model(one, chosen).folder, find_model(other, chosen).folder
    kinds = [read_card(folder)[0].task for folder in folders]
    if kinds[0] != kinds[1]:
        raise BadInput(f"expected two models of one task, got {one} for {kinds[0]} and {other} for {kinds[1]}")
    asked = {"text": TEXT_TASKS, "telemetry": ("telemetry",)}.get(kinds[0], ())
    task = task or next(iter(asked), None)
    if task is None or task not in asked:
        raise BadInput(f"expected a task that models for {kinds[0]} answer ({', '.join(asked) or 'none'}), got {task}")
    descriptor = sys.stdin.fileno() if str(file) == "-" else os.open(file, os.O_RDONLY)
    try:
        lines = [line for batch in LineReader(descriptor, DEFAULT_LIMITS.bytes).batches(1 << 16) for line in batch]
    finally:
        if str(file) != "-":
            os.close(descriptor)
    found = compare_models(TASKS[task], folders, lines)
    if as_json:
        click.echo(orjson.dumps(_as_json(found, tolerance)))
    else:
        click.echo("\n".join(_comparison_lines(found, one, other)))
    return 1 if found.largest_share > tolerance else 0


def _as_json(found: Comparison, tolerance: float) -> dict[str, object]:
    answers = {
        name: {
            "compared": one.compared,
            "flipped": one.flipped,
            "share": round(one.share, 6),
            "largest_score_change": one.largest_score_change,
            "flips": [{"before": a, "after": b, "lines": n} for (a, b), n in one.flips.most_common()],
            "examples": one.examples,
        }
        for name, one in found.answers.items()
    }
    speeds = [round(speed, 1) for speed in found.lines_per_s]
    same = found.largest_share <= tolerance
    return {"lines": found.lines, "unread": found.unread, "same": same, "lines_per_s": speeds, "answers": answers}


def _comparison_lines(found: Comparison, one: str, other: str) -> list[str]:
    from pipelines.commands.table import aligned
    from schemas.safe_text import safe_text

    rows = [("ANSWER", "COMPARED", "FLIPPED", "SHARE", "SCORES MOVE BY", "MOST FLIPS")]
    for name, seen in found.answers.items():
        most = ", ".join(f"{a} to {b}: {n}" for (a, b), n in seen.flips.most_common(2))
        largest = f"{seen.largest_score_change:.6f}"
        rows.append((name, f"{seen.compared:,}", f"{seen.flipped:,}", f"{seen.share:.2%}", largest, most))
    lines = aligned(rows)
    for name, seen in found.answers.items():
        lines += [
            f"{name}, line {example['line']}: {example['before']} to {example['after']}: "
            f"{safe_text(str(example['text']), 100)}"
            for example in seen.examples
        ]
    lines.append(f"{found.lines:,} lines, {found.unread:,} of them not read")
    lines.append(f"{one}: {found.lines_per_s[0]:,.0f} lines/s; {other}: {found.lines_per_s[1]:,.0f} lines/s")
    return lines
