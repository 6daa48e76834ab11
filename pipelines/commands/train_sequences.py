"""`hubbub train sequences`: a bundle that knows normal sequences of events."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.commands.options import json_option
from pipelines.commands.train_extra import need_extra

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(epilog="Example: hubbub train sequences --data sessions.jsonl --output boot")
@click.option("--data", required=True, type=FILE, metavar="FILE", help="JSON lines, CSV or TSV with events.")
@click.option("--dev", type=FILE, metavar="FILE", help="The same, held out [a fifth of labelled data].")
@click.option("--output", required=True, type=FOLDER, metavar="DIR", help="Where the bundle goes.")
@click.option("--order", type=click.IntRange(2, 6), metavar="N", help="Longest run of events looked at.")
@click.option(
    "--false-alarms",
    type=click.FloatRange(0, 0.5, min_open=True),
    default=0.01,
    show_default=True,
    help="Share of normal sequences called odd, without labels.",
)
@click.option("--seed", type=int, default=7, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@json_option
def sequences(
    *,
    data: Path,
    dev: Path | None,
    output: Path,
    order: int | None,
    false_alarms: float,
    seed: int,
    threads: int,
    as_json: bool,
) -> None:
    """Learn which sequences of events are normal.

    Each row has `events`, an array of ids (in CSV with spaces between), and perhaps `label`: normal or abnormal (0, 1).
    Without labels all rows count as normal, and what is improbable beside them is odd; with labels, what abnormal ones
    are like is learnt too. Then: hubbub score sequences --model DIR.
    """
    import orjson

    need_extra("onnx")
    from models.training.sequences.labelled import read_sequences
    from models.training.sequences.train import Options, train_sequences

    if read_sequences(data).labelled:
        need_extra("lightgbm")
    options = Options(data, output, dev, order=order, false_alarms=false_alarms, seed=seed, threads=threads)
    figures = train_sequences(options)
    if as_json:
        click.echo(orjson.dumps(figures))
        return
    click.echo(f"learnt from {figures['learnt_from']}: {figures['sequences']} sequences, {figures['events']} events")
    if "f1" in figures:
        trivial = figures["trivial"]
        click.echo(
            f"F1 {figures['f1']:.4f} on {figures['dev_rows']} dev rows (everything abnormal "
            f"{trivial['everything_abnormal']['f1']:.4f}, never seen {trivial['unseen_abnormal']['f1']:.4f})"
        )
    click.echo(f"report: {output / 'report.html'}; next: hubbub score sequences --model {output}")
