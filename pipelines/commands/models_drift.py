"""`hubbub models drift` and `hubbub models reference`: whether lines are still what a model is used to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.commands.options import chosen_models, json_option, settings_of

if TYPE_CHECKING:
    from models.card import Card

FILE = click.Path(path_type=Path, dir_okay=False)
CONFIG = click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings file.")
ASKED = {
    "text": ("messages", "logs", "alarms"),
    "telemetry": ("telemetry",),
    "multivariate": ("multivariate",),
    "sequences": ("sequences",),
}
TASK = click.option(
    "--task",
    type=click.Choice(("messages", "logs", "alarms", "intents", "telemetry", "sequences", "multivariate")),
    help="What the lines are (default: by the model).",
)


@click.command("drift", epilog="Example: hubbub models drift text-enzh --task messages --data lines.jsonl")
@click.argument("model", metavar="MODEL")
@click.option("--data", type=FILE, required=True, metavar="FILE", help="JSON lines, as `hubbub score` reads them.")
@click.option("--against", type=FILE, metavar="FILE", help="Compare with these lines, not with the card's reference.")
@TASK
@CONFIG
@json_option
def drift(*, model: str, data: Path, against: Path | None, task: str | None, config: Path | None, as_json: bool) -> int:
    """Compare what lines are like, and what MODEL answers, with the reference on its card: PSI and KS.

    Exit status 1 when something has drifted.
    """
    import orjson

    from pipelines.commands.table import aligned
    from pipelines.drift.drift_of_lines import drift_of_lines
    from pipelines.drift.told import RULE, drift_object, rows_of, verdict

    folder, chosen_task = _asked(model, task, config)
    found = drift_of_lines(chosen_task, folder, data, against)
    if as_json:
        click.echo(orjson.dumps(drift_object(found)))
    else:
        click.echo(f"{found.rows:,} rows beside {found.reference_rows:,} of {found.data}")
        click.echo("\n".join(aligned(rows_of(found.figures))))
        click.echo(f"{verdict(found)}\n{RULE}")
    return 1 if found.drifted else 0


@click.command("reference", epilog="Example: hubbub models reference telemetry-level --data a.jsonl --output own")
@click.argument("model", metavar="MODEL")
@click.option("--data", type=FILE, required=True, metavar="FILE", help="JSON lines of a time when all was well.")
@click.option("--output", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Where the bundle goes.")
@TASK
@CONFIG
def reference(*, model: str, data: Path, output: Path, task: str | None, config: Path | None) -> None:
    """Write a copy of MODEL whose reference is your own lines: counts of them go onto its card, the lines do not.

    Its answers are the same. Put it in place in hubbub.toml, under [models].
    """
    from pipelines.drift.drift_of_lines import reference_of_lines
    from pipelines.drift.own_reference import write_with_reference
    from pipelines.scoring.task import TASKS

    folder, chosen_task = _asked(model, task, config)
    topic = TASKS[chosen_task].topic.name
    counted = reference_of_lines(chosen_task, folder, data)
    write_with_reference(folder, output, topic, counted)
    figures = len(counted.numbers) + len(counted.labels)
    click.echo(f"wrote {output}: {figures} figures of {counted.rows:,} rows of {topic}")


def _asked(model: str, task: str | None, config: Path | None) -> tuple[Path, str]:
    """Return the model's folder, and the task that a person means."""
    from models.bundle import read_card
    from pipelines.bad_input import BadInput
    from pipelines.installed_models import find_model

    folder = find_model(model, chosen_models(settings_of(None, config))).folder
    card, _ = read_card(folder)
    asked = _tasks_of(card)
    if task is None and len(asked) == 1:
        return folder, asked[0]
    if task not in asked:
        said = "none" if task is None else f"--task {task}"
        raise BadInput(f"expected a task of {model} ({', '.join(asked) or 'none reads events'}), got {said}")
    return folder, task


def _tasks_of(card: Card) -> tuple[str, ...]:
    if card.task == "text" and [head.name for head in card.heads] == ["intent"]:
        return ("intents",)
    return ASKED.get(card.task, ())
