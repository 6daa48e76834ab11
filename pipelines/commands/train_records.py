"""`hubbub train records`: a bundle that gives objects of numbers and categories a label."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.commands.options import json_option
from pipelines.commands.train_extra import need_extra

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(epilog="Example: hubbub train records --data rows.csv --target failed --output out")
@click.option("--data", required=True, type=FILE, metavar="FILE", help="CSV, TSV, JSON lines or Parquet.")
@click.option("--target", required=True, metavar="COLUMN", help="The column of labels, at most a hundred.")
@click.option("--dev", type=FILE, metavar="FILE", help="Rows that choose and measure [a fifth, by distinct row].")
@click.option("--output", required=True, type=FOLDER, metavar="DIR", help="Where the bundle goes.")
@click.option("--drop", multiple=True, metavar="COLUMN", help="Leave a column out; may be repeated.")
@click.option("--category", multiple=True, metavar="COLUMN", help="Numbers that are names; may be repeated.")
@click.option("--pairs/--no-pairs", default=True, help="Try products and differences of numbers.")
@click.option("--seed", type=int, default=7, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@json_option
def records(
    *,
    data: Path,
    target: str,
    dev: Path | None,
    output: Path,
    drop: tuple[str, ...],
    category: tuple[str, ...],
    pairs: bool,
    seed: int,
    threads: int,
    as_json: bool,
) -> None:
    """Learn to fill in a column of labels from the other columns: boosted trees.

    Missing values are allowed, and so are categories that training never saw. Identifiers and columns with one value
    are left out, and said; leave out by --drop what is only known afterwards. Of two labels the rarer one is answered
    from the probability on that does best on dev. Then: hubbub score records --model DIR.
    """
    import orjson

    need_extra("onnx", "lightgbm")
    from models.training.records.train import Options, train_records

    figures = train_records(Options(data, target, output, dev, drop, category, pairs=pairs, seed=seed, threads=threads))
    if as_json:
        click.echo(orjson.dumps(figures))
        return
    trivial = figures["trivial"]["most_frequent_label"]
    click.echo(
        f"{figures['accuracy']:.2%} of {figures['dev_rows']} held-out rows are right, "
        f"macro F1 {figures['macro_f1']:.4f} (always the most frequent label: "
        f"{trivial['accuracy']:.2%}, {trivial['macro_f1']:.4f})"
    )
    for label, f1 in figures["f1"].items():
        click.echo(f"  F1 of {label}: {f1:.4f}")
    click.echo(f"report: {output / 'report.html'}; next: hubbub score records --model {output}")
