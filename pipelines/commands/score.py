"""`hubbub score`: JSON lines on stdin, the same lines with the answers added on stdout."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pipelines.commands.options import chosen_models, false_alarms_option, settings_of

NOW = ("messages", "intents", "logs", "alarms", "telemetry", "sequences", "records", "multivariate")
LATER = ("commands",)


@click.command(epilog='Example: echo \'{"text": "The lock is beeping"}\' | hubbub score messages')
@click.argument("task", type=click.Choice((*NOW, *LATER)), metavar="TASK")
@click.option("--model", metavar="BUNDLE", help="A model's name, or the folder of a bundle (default: the shipped one).")
@click.option("--probabilities", is_flag=True, help="Add the probability of every label.")
@click.option("--provenance", is_flag=True, help="Add the model that answered.")
@click.option("--explain", is_flag=True, help="Add the words behind each label.")
@click.option("--state", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Keep memory in FILE.")
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=512,
    show_default=True,
    metavar="N",
    help="Most lines at a time; never changes an answer.",
)
@false_alarms_option
@click.option("--home", type=click.Path(path_type=Path), metavar="FILE", hidden=True)
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings file.")
def score(
    *,
    task: str,
    model: str | None,
    probabilities: bool,
    provenance: bool,
    explain: bool,
    state: Path | None,
    batch_size: int,
    false_alarms_per_month: float | None,
    home: Path | None,
    config: Path | None,
) -> None:
    """Answer JSON lines: TASK is messages, intents (--model), logs, alarms, telemetry, and with
    --model sequences, records or multivariate.

    One line in, one line out, in order, as soon as it can be. A line that cannot be read comes out as
    {"error": {"reason", "message", "line"}}. An own field with an answer's name moves into "input". Logs and telemetry
    remember what came before; --state keeps that between runs. A missing event_time is a second after the line before.
    """
    if task in LATER:
        raise click.UsageError(f"the task {task} is not in this release, expected one of {', '.join(NOW)}")
    if task == "records" and state is not None:
        raise click.UsageError("--state is of tasks with memory; records have none")
    if task != "telemetry" and false_alarms_per_month is not None:
        raise click.UsageError(f"--false-alarms-per-month is of the task telemetry, got {task}")
    if home is not None:
        raise click.UsageError("--home is of the task commands, which is not in this release")
    from pipelines.scoring.lines import LineReader
    from pipelines.scoring.memory import Memory
    from pipelines.scoring.record_scorer import RecordScorer
    from pipelines.scoring.scorer import Scorer
    from pipelines.scoring.task import TASKS, Asked, Chosen
    from schemas.strict_json import DEFAULT_LIMITS

    asked = Asked(probabilities, provenance, explain)
    settings = settings_of(None, config, telemetry__false_alarms_per_month=false_alarms_per_month)
    chosen = Chosen(model, chosen_models(settings), settings.telemetry.false_alarms_per_month)
    scorer: Scorer | RecordScorer
    if task == "records":
        scorer = RecordScorer(chosen, asked)
    else:
        memory = Memory.loaded(task, state) if state is not None else Memory(task)
        scorer = Scorer(TASKS[task], chosen, asked, memory)
    reader = LineReader(sys.stdin.fileno(), DEFAULT_LIMITS.bytes)
    output = sys.stdout.buffer
    lines = 0
    try:
        for batch in reader.batches(batch_size):
            output.write(b"".join(scorer.score(batch)))
            output.flush()
            lines += len(batch)
    except KeyboardInterrupt:
        if state is not None:  # what was answered is remembered
            scorer.save(state)
        raise
    if state is not None:
        scorer.save(state)
    if scorer.refused:
        click.echo(f"hubbub: {scorer.refused} of {lines} lines have no answer, but an error that says why", err=True)
