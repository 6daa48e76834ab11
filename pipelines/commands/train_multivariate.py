"""`hubbub train multivariate`: a bundle that knows which metrics of a device go together."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.commands.options import json_option
from pipelines.commands.train_extra import need_extra

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(epilog="Example: hubbub train multivariate --data normal.jsonl --output pump")
@click.option("--data", required=True, type=FILE, metavar="FILE", help="JSON lines with metrics, CSV or TSV.")
@click.option("--output", required=True, type=FOLDER, metavar="DIR", help="Where the bundle goes.")
@json_option
def multivariate(*, data: Path, output: Path, as_json: bool) -> None:
    """Learn from a normal stretch which metrics of a device go together.

    Each row is one moment: `metrics`, an object of numbers by name, perhaps `device_id` and `event_time`; in CSV each
    column but those two is a metric. Rows are in order; several devices are of one kind. Fifty rows at least, and
    nothing odd among them. Then: hubbub score multivariate --model DIR.
    """
    import orjson

    need_extra("onnx")
    from models.training.multivariate.train import Options, train_multivariate

    figures = train_multivariate(Options(data, output))
    if as_json:
        click.echo(orjson.dumps(figures))
        return
    click.echo(
        f"learnt from {figures['readings']} readings of {figures['devices']} devices: {figures['metrics']} metrics, "
        f"{figures['components']} components; "
        f"{figures['normal_readings_called_odd']:.2%} of these readings are called odd"
    )
    click.echo(f"report: {output / 'report.html'}; next: hubbub score multivariate --model {output}")
