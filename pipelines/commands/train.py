"""`hubbub train`: a verified bundle from labelled rows, with its card, report and golden examples."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.commands.options import json_option
from pipelines.commands.train_extra import need_extra
from pipelines.commands.train_forecast import forecast
from pipelines.commands.train_multivariate import multivariate
from pipelines.commands.train_records import records
from pipelines.commands.train_sequences import sequences

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(epilog="Example: hubbub train intents --data a.jsonl --dev b.jsonl --output mine")
def train() -> None:
    """Train a model on your own rows and write a bundle. Needs the extra `train`."""


train.add_command(sequences)
train.add_command(records)
train.add_command(multivariate)
train.add_command(forecast)


@train.command(epilog="Example: hubbub train intents --data a.jsonl --dev b.jsonl --output mine")
@click.option("--data", required=True, type=FILE, metavar="FILE", help="JSON lines, CSV or TSV with text and label.")
@click.option("--dev", required=True, type=FILE, metavar="FILE", help="The same, held out: chooses and measures.")
@click.option("--output", required=True, type=FOLDER, metavar="DIR", help="Where the bundle goes.")
@click.option(
    "--base", envvar="HUBBUB_BASE_ENCODER", metavar="DIR", help="Encoder to start from: a folder or hub name."
)
@click.option(
    "--layers", type=click.Choice(("3", "4", "6", "12")), default="6", show_default=True, help="Of the bundle."
)
@click.option("--quick", is_flag=True, help="No teacher, two passes: minutes.")
@click.option("--cache", type=FOLDER, metavar="DIR", help="What an interrupted training goes on from [OUTPUT.cache].")
@click.option("--seed", type=int, default=7, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True)
@json_option
def intents(
    *,
    data: Path,
    dev: Path,
    output: Path,
    base: str | None,
    layers: str,
    quick: bool,
    cache: Path | None,
    seed: int,
    threads: int,
    as_json: bool,
) -> None:
    """Sort texts into your own labels.

    Rows labelled `oos` teach what belongs to none of them; without such rows it is judged by how sure the model is. At
    most 5 % of the dev rows in scope are called `oos`. A training that was interrupted goes on when you repeat the
    command. Then: hubbub score intents --model DIR.
    """
    import orjson

    need_extra("torch", "transformers", "safetensors", "onnx")
    from models.training.encoder.base import DEFAULT_BASE
    from models.training.intents.train import Options, train_intents

    kept = cache if cache is not None else output.with_name(f"{output.name}.cache")
    letters = (one if one.isascii() and (one.isalnum() or one in "-_") else "-" for one in output.name)
    options = Options(
        data,
        dev,
        output,
        base or DEFAULT_BASE,
        kept,
        layers=int(layers),
        quick=quick,
        seed=seed,
        threads=threads,
        name="".join(letters),
    )
    figures = train_intents(options)
    if as_json:
        click.echo(orjson.dumps(figures.as_card()))
        return
    beside = [f"float32 {figures.float32_accuracy:.2%}"]
    if figures.teacher_accuracy is not None:
        beside.append(f"teacher {figures.teacher_accuracy:.2%}")
    beside.append(f"always the most frequent label {figures.trivial_accuracy:.2%}")
    oos = "" if figures.oos.f1 is None else f"; F1 of oos {figures.oos.f1:.3f}"
    click.echo(
        f"{figures.accuracy:.2%} of the dev rows in scope are right ({', '.join(beside)}), "
        f"{figures.oos.false_rate:.2%} of them are called oos{oos}"
    )
    click.echo(f"report: {output / 'report.html'}; next: hubbub score intents --model {output}")


@train.command(epilog="Example: hubbub train text --datasets sets --output text --quick")
@click.option("--datasets", required=True, envvar="HUBBUB_DATASETS", type=FOLDER, metavar="DIR", help="Public sets.")
@click.option("--output", required=True, type=FOLDER, metavar="DIR", help="Where the bundle goes.")
@click.option(
    "--base", envvar="HUBBUB_BASE_ENCODER", metavar="DIR", help="Encoder to start from: a folder or hub name."
)
@click.option("--quick", is_flag=True, help="Few rows, one pass: for trying the code.")
@click.option("--clean-data-only", is_flag=True, help="Leave out every set whose licence is not open.")
@click.option(
    "--layers",
    type=click.IntRange(1, 12),
    default=6,
    show_default=True,
    help="Of the bundle: fewer are faster, and worse.",
)
@click.option("--cache", type=FOLDER, metavar="DIR", help="What an interrupted training goes on from [OUTPUT.cache].")
@click.option("--seed", type=int, default=7, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True)
def text(
    *,
    datasets: Path,
    output: Path,
    base: str | None,
    quick: bool,
    clean_data_only: bool,
    layers: int,
    cache: Path | None,
    seed: int,
    threads: int,
) -> None:
    """Make the shipped text bundle anew, with all its heads: the project's own recipe, from a checkout."""
    need_extra("torch", "transformers", "safetensors", "onnx")
    from models.training.encoder.base import DEFAULT_BASE
    from models.training.text.train import Options, train_text

    train_text(
        Options(
            datasets,
            output,
            base or DEFAULT_BASE,
            cache=cache if cache is not None else output.with_name(f"{output.name}.cache"),
            quick=quick,
            clean_data_only=clean_data_only,
            seed=seed,
            layers=layers,
            threads=threads,
        )
    )
