"""Make a bundle that gives records a label: columns, trees, limit, all chosen on held-out records."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from models.bundle import GRAPH, open_bundle
from models.loaded_records import FACTS, LoadedRecords, RecordFacts
from models.record_columns import Column, encode, width_of
from models.training.bundle_folder import bundle_name
from models.training.encoder.progress import say
from models.training.given_rows import BadFile
from models.training.records.card import write_bundle
from models.training.records.choose_columns import choose_columns
from models.training.records.choose_trees import Choice, choose_trees
from models.training.records.crosses import Crosses, pairs_of, source_places
from models.training.records.measure import Integers, figures_of
from models.training.records.split import held_out
from models.training.records.table import Table, read_table
from models.training.trees.boost import Fitted, fit
from models.training.trees.graph import base_values, contributions_node, margins_by_hand, margins_node, tree_model

# Float32 sums of some hundred leaves.
MOST_APART = 1e-4


@dataclass(frozen=True)
class Options:
    """What a person chose. Without `dev` a fifth is held out to choose and measure, then all rows are learnt from."""

    data: Path
    target: str
    output: Path
    dev: Path | None = None
    drop: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    pairs: bool = True
    seed: int = 7
    threads: int = 1


def train_records(options: Options) -> dict[str, Any]:
    """Train, write the bundle, and return its figures on held-out records, beside the trivial ones.

    Raises BadFile for files that cannot be trained on.
    """
    table = read_table(options.data, options.target)
    columns, said = choose_columns(table.records, drop=options.drop, categories=options.categories)
    for sentence in table.warnings + said:
        say(f"warning: {sentence}")
    labels = _labels(table)
    values, classes = encode(columns, table.records), _classes(table, labels)
    if options.dev is not None:
        other = read_table(options.dev, options.target)
        if strange := sorted(set(other.labels) - set(labels)):
            raise BadFile(f"{options.dev}: dev has labels that train has not: {', '.join(strange)}")
        train, dev = (values, classes), (encode(columns, other.records), _classes(other, labels))
        shown = other
    else:
        held = held_out(values, seed=options.seed) == 0
        if set(classes[~held].tolist()) != set(range(len(labels))) or not held.any():
            raise BadFile(f"{options.data}: expected several different records of each label, or a file for dev")
        train, dev = (values[~held], classes[~held]), (values[held], classes[held])
        shown = table.part(np.flatnonzero(held).tolist())
    pairs = pairs_of(columns) if options.pairs else Crosses()
    choice = choose_trees(train, dev, labels, pairs, seed=options.seed, threads=options.threads)
    fitted = choice.fitted
    if options.dev is None:
        say("learning from all rows, by the shape and rounds that did best")
        wide = choice.crosses.widen(values)
        fitted = fit(
            wide,
            classes,
            len(labels),
            choice.shape,
            rounds=max(1, fitted.rounds),
            seed=options.seed,
            threads=options.threads,
        )
    figures = _figures(choice, dev[1], labels, train[1], options, len(table.records))
    facts = RecordFacts(
        options.target,
        labels,
        tuple(columns),
        (*(column.name for column in columns), *choice.crosses.sources()),
        tuple(base_values(fitted.trees, fitted.margins)),
        choice.limit,
    )
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / FACTS).write_bytes(msgspec.json.encode(facts))
    write_graph(options.output / GRAPH, fitted, columns, choice.crosses)
    write_bundle(options.output, bundle_name(options.output), facts, fitted.margins, figures, table, shown)
    _assert_equal(LoadedRecords(open_bundle(options.output)), fitted, choice.crosses, dev[0])
    return figures


def write_graph(path: Path, fitted: Fitted, columns: list[Column], crosses: Crosses) -> None:
    """Write the graph: pairs, margins, contributions."""
    nodes, places, wide = crosses.nodes()
    sources = source_places(columns, crosses)
    count = max(sources) + 1
    nodes.append(margins_node(fitted.trees, fitted.margins, wide, "margins"))
    nodes.append(contributions_node(fitted.trees, fitted.margins, sources, wide, "contributions"))
    outputs = {"margins": fitted.margins, "contributions": fitted.margins * count}
    model = tree_model(nodes, width_of(columns), outputs, places)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _labels(table: Table) -> tuple[str, ...]:
    """Return the labels: of two the rarer one last, which a limit is chosen for; else in order."""
    counts = Counter(table.labels)
    if len(counts) == 2:
        return tuple(sorted(counts, key=lambda label: (-counts[label], label)))
    return tuple(sorted(counts))


def _classes(table: Table, labels: tuple[str, ...]) -> Integers:
    places = {label: i for i, label in enumerate(labels)}
    return np.array([places[label] for label in table.labels], dtype=np.int64)


def _figures(
    choice: Choice, truth: Integers, labels: tuple[str, ...], train: Integers, options: Options, rows: int
) -> dict[str, Any]:
    margins = choice.dev_margins
    if len(labels) == 2:
        answer = (1.0 / (1.0 + np.exp(-margins[:, 0])) >= choice.limit).astype(np.int64)
    else:
        answer = margins.argmax(axis=1)
    common = int(np.bincount(train, minlength=len(labels)).argmax())
    return {
        "rows": rows,
        "learnt_from": "train" if options.dev is not None else "all rows, after a fifth had been held out for figures",
        "labels": {label: int((train == i).sum()) for i, label in enumerate(labels)},
        "limit": choice.limit if len(labels) == 2 else None,
        "pairs_of_numbers": len(choice.crosses.left),
        "trees": asdict(choice.shape) | {"rounds": choice.fitted.rounds},
        **figures_of(truth, answer.astype(np.int64), labels, common),
    }


def _assert_equal(loaded: LoadedRecords, fitted: Fitted, crosses: Crosses, values: np.ndarray) -> None:
    """The graph's margins are LightGBM's within float32, and base values and contributions add up to them."""
    margins, contributions = loaded.run(values)
    wide = crosses.widen(values)
    by_hand = margins_by_hand(fitted.trees, fitted.margins, wide)
    for name, other in (("LightGBM's", fitted.predict_margins(wide)), ("the trees'", by_hand)):
        apart = float(np.abs(margins - other).max())
        if apart > MOST_APART:
            raise AssertionError(f"the graph's margins are {apart} from {name}; this is a bug")
    base = np.array(loaded.facts.base_values)
    sums = contributions.reshape(len(values), fitted.margins, -1).sum(axis=2) + base
    if float(np.abs(sums - margins).max()) > 10 * MOST_APART:
        raise AssertionError("base values and contributions do not add up to the margins; this is a bug")
