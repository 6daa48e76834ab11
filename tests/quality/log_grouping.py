"""How well log lines are grouped: `python -m tests.quality.log_grouping [FOLDER]` prints it for each system.

FOLDER holds folders of loghub's form, each with a `*_structured.csv` of columns Content and EventId. Grouping accuracy
as the LogPAI papers have it (Zhu et al., ICSE-SEIP 2019): the share of lines whose group holds exactly the lines of one
true template. A line's group is the id that it was given when it came, so nothing that is learnt later helps.

Printed are our miner alone, our miner behind the frozen templates of the bundle, and Drain3 with its defaults (from
`.venv-peers`, which `make .venv-peers/.installed` makes); and how the miner alone does on each with the constants
that were best on the others.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pyarrow as pa

from models.template_model import TemplateModel
from operators import template_tree
from operators.mine_templates import MineTemplates
from schemas.topic import TIMESTAMP
from tests.bench.figures import json_of, table
from tests.cut_runs import run
from tests.data_sets import LOGHUB

ROOT = Path(__file__).parents[2]
PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
# The constants that were chosen, and what they are held against.
CHOICES = {"ENOUGH": (0.5, 0.6, 0.7, 0.75, 0.8, 0.9), "OPEN_AFTER": (12, 24, 48)}


@dataclass(frozen=True)
class System:
    """The lines of one system, and which true template each has."""

    name: str
    lines: list[str]
    truth: list[str]


def systems_in(folder: Path) -> list[System]:
    """Return the systems of a folder, by name."""
    found = []
    for path in sorted(folder.glob("*/*_structured.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        found.append(System(path.parent.name, [row["Content"] for row in rows], [row["EventId"] for row in rows]))
    return found


def groups(labels: Sequence[Hashable]) -> set[frozenset[int]]:
    """Return the sets of lines that have the same label."""
    found = defaultdict(set)
    for line, label in enumerate(labels):
        found[label].add(line)
    return {frozenset(one) for one in found.values()}


def grouping_accuracy(found: Sequence[Hashable], truth: Sequence[Hashable]) -> float:
    """Return the share of lines in groups that are exactly right."""
    return sum(map(len, groups(found) & groups(truth))) / len(truth)


def template_ids(operator: MineTemplates, system: System) -> list[str]:
    """Return the ids that a system's lines get, as lines of one device, a second apart, in four batches."""
    times = pa.array([i * 1_000_000 for i in range(len(system.lines))], pa.int64()).cast(TIMESTAMP)
    columns = {
        "device_id": pa.repeat(system.name, len(system.lines)).cast(pa.string()),
        "event_time": times,
        "message": pa.array(system.lines, pa.string()),
        "watermark": times,
    }
    out = run(operator, pa.RecordBatch.from_pydict(columns), range(500, len(system.lines), 500))
    return [row["template_id"] for row in out]


def ours(system: System, operator: MineTemplates | None = None) -> float:
    """Return the grouping accuracy of our miner, alone unless an operator is given."""
    return grouping_accuracy(template_ids(operator or MineTemplates(), system), system.truth)


def drain3(systems: Sequence[System]) -> list[float]:
    """Return the grouping accuracy of Drain3 with its defaults."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines.json"
        path.write_text(json.dumps({system.name: system.lines for system in systems}), encoding="utf-8")
        found = json_of("peers/drain3_lines.py", path, interpreter=str(PEERS_PYTHON))
    return [grouping_accuracy(found[system.name]["clusters"], system.truth) for system in systems]


def with_constants(system: System, values: Sequence[float]) -> float:
    """Return our grouping accuracy with other constants."""
    before = {name: getattr(template_tree, name) for name in CHOICES}
    try:
        for name, value in zip(CHOICES, values, strict=True):
            setattr(template_tree, name, value)
        return ours(system)
    finally:
        for name, value in before.items():
            setattr(template_tree, name, value)


def left_out(systems: Sequence[System]) -> list[tuple[tuple[float, ...], float]]:
    """Return for each system the constants that are best on all others, and the accuracy on it with these."""
    tried = list(product(*CHOICES.values()))
    scores = {values: [with_constants(system, values) for system in systems] for values in tried}
    found = []
    for place in range(len(systems)):

        def others(values: tuple[float, ...], place: int = place) -> float:
            return sum(scores[values]) - scores[values][place]

        best = max(tried, key=others)
        found.append((best, scores[best][place]))
    return found


def report(systems: Sequence[System]) -> str:
    """Return the table of all figures."""
    alone = [ours(system) for system in systems]
    known = MineTemplates(TemplateModel.named())
    columns = [
        ("our miner alone", alone),
        ("behind the bundle's templates", [ours(system, known) for system in systems]),
    ]
    if PEERS_PYTHON.exists():
        columns.append(("Drain3, its defaults", drain3(systems)))
    chosen = left_out(systems)
    columns.append(("our miner alone, constants of the others", [score for _, score in chosen]))
    rows = [
        [system.name, *(f"{scores[place]:.3f}" for _, scores in columns), " ".join(map(str, chosen[place][0]))]
        for place, system in enumerate(systems)
    ]
    rows.append(["average", *(f"{sum(scores) / len(scores):.3f}" for _, scores in columns), ""])
    return table(["system", *(name for name, _ in columns), ", ".join(CHOICES)], rows)


def main() -> None:
    """Print the figures of the systems in a folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else LOGHUB
    systems = systems_in(folder)
    if not systems:
        sys.exit(f"expected folders with a *_structured.csv in {folder}, found none")
    print(report(systems))


if __name__ == "__main__":
    main()
