"""`hubbub train forecast`: a bundle that says how probable a serious alarm of a device is soon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipelines.commands.options import json_option
from pipelines.commands.train_extra import need_extra

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(epilog="Example: hubbub train forecast --output failure-forecast --horizon 60m")
@click.option("--output", required=True, type=FOLDER, metavar="DIR", help="Where the bundle goes.")
@click.option("--horizon", default="60m", show_default=True, metavar="TIME", help="How far ahead it looks.")
@click.option(
    "--severity",
    type=click.Choice(("critical", "major", "minor")),
    default="major",
    show_default=True,
    help="Or worse.",
)
@click.option("--days", type=click.IntRange(2, 1000), default=40, show_default=True, help="Simulated, to learn from.")
@click.option("--hold-out", multiple=True, metavar="KIND", help="A fault that it never meets; may be repeated.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@json_option
def forecast(
    *, output: Path, horizon: str, severity: str, days: int, hold_out: tuple[str, ...], threads: int, as_json: bool
) -> None:
    """Learn to tell from readings, lines and alarms that a serious alarm is coming.

    Days of the demo's house are simulated, each with other faults at other hours, and read by the shipped models. As
    many again calibrate and measure it: some with faults that it never met (--hold-out, by default three kinds). Some
    ten seconds a day. Then: hubbub run forecasts, with [models] failure-forecast = DIR.
    """
    import orjson

    need_extra("onnx", "lightgbm")
    from pipelines.bad_input import BadInput
    from pipelines.duration import WrongDuration, duration_us
    from pipelines.forecasts.days import HELD_OUT
    from pipelines.forecasts.teach import Lesson, teach

    try:
        horizon_s = duration_us(horizon) / 1e6
    except WrongDuration as wrong:
        raise click.UsageError(f"--horizon: {wrong}") from None
    try:
        lesson = Lesson(output, days, horizon_s, severity, hold_out or HELD_OUT, threads)
    except BadInput as wrong:
        raise click.UsageError(f"--hold-out: {wrong}") from None
    figures = teach(lesson)
    if as_json:
        click.echo(orjson.dumps(figures))
        return
    for part, told in (("test", "new days"), ("unmet", "faults never met")):
        if part in figures:
            _say(told, figures[part])
    click.echo(f"likely from a probability of {figures['limit']:.2f} on; next: hubbub run forecasts")


def _say(told: str, figures: dict[str, Any]) -> None:
    warned, base = figures["warnings"], figures["baselines"]
    lead = "" if warned["median_lead_min"] is None else f", in the median {warned['median_lead_min']:.0f} min ahead"
    click.echo(
        f"{told}: {warned['warned']} of {warned['alarms']} alarms were forecast{lead}; "
        f"{warned['false_warnings']} false warnings on {figures['days']} days"
    )
    click.echo(
        f"  Brier score {figures['brier']:.5f} (base rate {base['base_rate']['brier']:.5f}, an alarm lately "
        f"{base['alarm_lately']['brier']:.5f}, trouble lately {base['trouble_lately']['brier']:.5f}), AUC "
        f"{figures['auc'] or 0.0:.3f} (0.500, {base['alarm_lately']['auc'] or 0.0:.3f}, "
        f"{base['trouble_lately']['auc'] or 0.0:.3f})"
    )
