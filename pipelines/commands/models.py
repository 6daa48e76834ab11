"""`hubbub models`: what is installed, what its card says, whether it holds, and how two differ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.commands.models_compare import compare
from pipelines.commands.models_drift import drift, reference
from pipelines.commands.options import chosen_models, json_option, settings_of

if TYPE_CHECKING:
    from models.card import Card

CONFIG = click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings file.")


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


models.add_command(compare)
models.add_command(drift)
models.add_command(reference)
