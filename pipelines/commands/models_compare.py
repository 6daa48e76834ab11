"""`hubbub models compare`: ask two models the same lines, and say whether the second may take the first one's place."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.commands.options import chosen_models, json_option, settings_of

if TYPE_CHECKING:
    from pipelines.compare_models import Comparison
    from pipelines.judged_models import Judged

FILE = click.Path(path_type=Path, dir_okay=False)
TEXT_TASKS = ("messages", "logs", "alarms")


@click.command("compare", epilog="Example: hubbub models compare text-enzh my-text --data lines.jsonl")
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@click.argument("file", type=FILE, required=False, metavar="[FILE]")
@click.option("--data", type=FILE, metavar="FILE", help="The same as FILE: JSON lines (default: stdin).")
@click.option(
    "--task",
    type=click.Choice((*TEXT_TASKS, "intents", "telemetry")),
    help="What to ask (default: by the model).",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    metavar="SHARE",
    help="By how much B's accuracy may be lower; without labels, the most flips that still count as the same.",
)
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings file.")
@json_option
def compare(
    *,
    one: str,
    other: str,
    file: Path | None,
    data: Path | None,
    task: str | None,
    tolerance: float,
    config: Path | None,
    as_json: bool,
) -> int:
    """Ask two models the same JSON lines: who is right, which labels flip, how far scores move, how fast each is.

    Lines may bring labels, under the answer's name ({"text": ..., "topic": "command"}), under `label` for intents, or
    in an object `expected`. Exit status 1 when B is worse than A by more than --tolerance.
    """
    import orjson

    from models.bundle import read_card
    from pipelines.bad_input import BadInput
    from pipelines.compare_models import compare_models
    from pipelines.installed_models import find_model
    from pipelines.scoring.lines import LineReader
    from pipelines.scoring.task import TASKS
    from schemas.strict_json import DEFAULT_LIMITS

    if file is not None and data is not None:
        raise BadInput(f"expected one file of lines, got {file} and --data {data}")
    chosen = chosen_models(settings_of(None, config))
    folders = find_model(one, chosen).folder, find_model(other, chosen).folder
    cards = read_card(folders[0])[0], read_card(folders[1])[0]
    kinds = [_kind(card.task, [head.name for head in card.heads]) for card in cards]
    if kinds[0] != kinds[1]:
        raise BadInput(f"expected two models of one task, got {one} for {kinds[0]} and {other} for {kinds[1]}")
    asked = {"text": TEXT_TASKS, "intents": ("intents",), "telemetry": ("telemetry",)}.get(kinds[0], ())
    task = task or next(iter(asked), None)
    if task is None or task not in asked:
        raise BadInput(f"expected a task that models for {kinds[0]} answer ({', '.join(asked) or 'none'}), got {task}")
    path = file or data or Path("-")
    descriptor = sys.stdin.fileno() if str(path) == "-" else os.open(path, os.O_RDONLY)
    try:
        lines = [line for batch in LineReader(descriptor, DEFAULT_LIMITS.bytes).batches(1 << 16) for line in batch]
    finally:
        if str(path) != "-":
            os.close(descriptor)
    heads = [{head.name: head.labels for head in card.heads} for card in cards]
    found = compare_models(TASKS[task], folders, lines, (heads[0], heads[1]))
    sizes = [
        sum((folder / name).stat().st_size for name in card.files) for folder, card in zip(folders, cards, strict=True)
    ]
    if as_json:
        click.echo(orjson.dumps(_as_json(found, tolerance, sizes)))
    else:
        click.echo("\n".join(_lines(found, (one, other), sizes)))
    return 0 if found.holds(tolerance) else 1


def _kind(task: str, heads: list[str]) -> str:
    return "intents" if task == "text" and heads == ["intent"] else task


def _as_json(found: Comparison, tolerance: float, sizes: list[int]) -> dict[str, object]:
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
    return {
        "lines": found.lines,
        "unread": found.unread,
        "same": found.largest_share <= tolerance,
        "holds": found.holds(tolerance),
        "lines_per_s": [round(speed, 1) for speed in found.lines_per_s],
        "bytes": sizes,
        "answers": answers,
        "judged": {name: _judged_as_json(one) for name, one in found.judged.items()},
    }


def _judged_as_json(one: Judged) -> dict[str, object]:
    before, after = one.f1(0), one.f1(1)
    return {
        "rows": len(one.truths),
        "accuracy": [round(one.accuracy(which), 6) for which in (0, 1)],
        "macro_f1": [round(one.macro_f1(which), 6) for which in (0, 1)],
        "f1_by_label": {
            label: {"rows": one.truths.count(label), "f1": [round(before[label], 6), round(after[label], 6)]}
            for label in before
        },
        "lost": one.lost,
        "won": one.won,
    }


def _lines(found: Comparison, names: tuple[str, str], sizes: list[int]) -> list[str]:
    from rich.filesize import decimal

    from pipelines.commands.table import aligned

    rows = [("ANSWER", "COMPARED", "FLIPPED", "SHARE", "SCORES MOVE BY", "MOST FLIPS")]
    for name, seen in found.answers.items():
        most = ", ".join(f"{a} to {b}: {n}" for (a, b), n in seen.flips.most_common(2))
        largest = f"{seen.largest_score_change:.6f}"
        rows.append((name, f"{seen.compared:,}", f"{seen.flipped:,}", f"{seen.share:.2%}", largest, most))
    lines = aligned(rows)
    if found.judged:
        lines += ["", *_judged_lines(found), ""]
    else:
        lines += [_example(name, one) for name, seen in found.answers.items() for one in seen.examples]
    lines.append(f"{found.lines:,} lines, {found.unread:,} of them not read")
    lines.append(
        "; ".join(
            f"{name}: {speed:,.0f} lines/s, {decimal(size)}"
            for name, speed, size in zip(names, found.lines_per_s, sizes, strict=True)
        )
    )
    return lines


def _judged_lines(found: Comparison) -> list[str]:
    from pipelines.commands.table import aligned
    from pipelines.judged_models import MOST_EXAMPLES

    rows = [("LABELLED", "ROWS", "ACCURACY A", "B", "MACRO F1 A", "B", "LOST", "WON")]
    for name, one in found.judged.items():
        right = f"{one.accuracy(0):.2%}", f"{one.accuracy(1):.2%}"
        means = f"{one.macro_f1(0):.3f}", f"{one.macro_f1(1):.3f}"
        rows.append((name, f"{len(one.truths):,}", *right, *means, f"{len(one.lost):,}", f"{len(one.won):,}"))
        before, after = one.f1(0), one.f1(1)
        rows += [
            (
                f"  {label}",
                f"{one.truths.count(label):,}",
                "",
                "",
                f"{before[label]:.3f}",
                f"{after[label]:.3f}",
                "",
                "",
            )
            for label in before
        ]
    examples = [
        f"{what}: {_example(name, one)}, truth {one['truth']}"
        for name, judged in found.judged.items()
        for what, some in (("lost", judged.lost), ("won", judged.won))
        for one in some[:MOST_EXAMPLES]
    ]
    return [*aligned(rows), *examples]


def _example(name: str, one: dict[str, object]) -> str:
    from schemas.safe_text import safe_text

    return f"{name}, line {one['line']}: {one['before']} to {one['after']}: {safe_text(str(one['text']), 100)}"
