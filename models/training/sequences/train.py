"""Make a bundle that knows normal sequences of events, and with labels what abnormal ones are like."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from models.bundle import GRAPH, open_bundle
from models.event_grams import FIRST_EVENT, UNKNOWN, EventGrams
from models.loaded_sequences import LoadedSequences
from models.reference import ODDNESS, Reference, reference_of
from models.sequence_facts import FACTS, JUDGE, Facts, Tail
from models.training.bundle_folder import bundle_name, write_reference
from models.training.encoder.progress import say
from models.training.given_rows import BadFile
from models.training.sequences.card import write_bundle
from models.training.sequences.judge import Judged, learn_judge, write_judge
from models.training.sequences.labelled import Sequences, read_sequences
from models.training.sequences.measure import area_under_curve, binary_figures, trivial_figures
from models.training.sequences.split import held_out_part
from models.training.sequences.surprise import count_runs, surprise_graph, surprises
from models.training.sequences.tail import held_out_surprises, tail_of

ORDERS = (2, 3, 4)
MOST_EVENTS = 10_000
MOST_NORMAL = 2_000
TOPIC = "event.sequences"
MOST_ASKED = 20_000


@dataclass(frozen=True)
class Options:
    """What a person chose. `order` None: chosen on dev where it has labels, else 2."""

    data: Path
    output: Path
    dev: Path | None = None
    order: int | None = None
    false_alarms: float = 0.01
    seed: int = 7
    threads: int = 1


def train_sequences(options: Options) -> dict[str, Any]:
    """Train, write the bundle, and return its figures, each beside the trivial ones.

    Raises BadFile for files that cannot be trained on.
    """
    train = read_sequences(options.data)
    for warning in train.warnings:
        say(f"warning: {warning}")
    dev: Sequences | None = None
    if options.dev is not None:
        dev = read_sequences(options.dev)
    elif train.labelled:
        train, dev = held_out_part(train, seed=options.seed)
    return _trained(options, train, dev)


def _trained(options: Options, train: Sequences, dev: Sequences | None) -> dict[str, Any]:
    normal = train.normal()
    events = [one for one, _ in Counter(event for row in train.events for event in row).most_common(MOST_EVENTS)]
    numbers = {event: i for i, event in enumerate(events, start=FIRST_EVENT)}
    encoded = [[numbers.get(event, UNKNOWN) for event in row] for row in normal]
    order, tail = _order_and_tail(options, encoded, events, dev)
    table = count_runs(encoded, order)
    grams = EventGrams(order, events, table.runs)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / JUDGE).unlink(missing_ok=True)
    judged: Judged | None = None
    if train.labelled:
        if dev is None or not dev.labelled:
            raise BadFile("expected dev to have abnormal sequences too, for train has them; got none")
        judged = learn_judge(
            [grams.encode(one) for one in train.events],
            np.array(train.abnormal, dtype=bool),
            [grams.encode(one) for one in dev.events],
            np.array(dev.abnormal, dtype=bool),
            seed=options.seed,
            threads=options.threads,
        )
        write_judge(options.output / JUDGE, judged)
    known = tuple(one for one, _ in Counter(normal).most_common(MOST_NORMAL))
    facts = Facts(order, tuple(events), table.runs, known, tail, None if judged is None else judged.judge)
    (options.output / FACTS).write_bytes(msgspec.json.encode(facts))
    (options.output / GRAPH).write_bytes(surprise_graph(table, order).SerializeToString(deterministic=True))
    figures: dict[str, Any] = {
        "sequences": len(train.events),
        "normal_sequences": len(normal),
        "learnt_from": "labels" if judged is not None else "normal sequences alone",
        "events": len(events),
        "order": order,
        "limit": judged.judge.limit if judged is not None else tail.limit,
    }
    shown = dev if dev is not None else train
    write_bundle(options.output, bundle_name(options.output), facts, figures, train, shown)
    loaded = LoadedSequences(open_bundle(options.output))
    if judged is not None and dev is not None:
        _assert_equal(loaded, judged, dev)
    if dev is not None:
        figures |= measured(loaded, dev, known=train.normal())
    else:
        figures["false_alarms_held_out"] = options.false_alarms
    write_bundle(options.output, bundle_name(options.output), facts, figures, train, shown)
    write_reference(options.output, {TOPIC: _reference(options, loaded, train)})
    return figures


def _reference(options: Options, loaded: LoadedSequences, train: Sequences) -> Reference:
    """Count the sequences that were learnt from, and what is answered about the first of them."""
    answers = loaded.answer(train.events[:MOST_ASKED])
    numbers = {
        "events": np.array([len(one) for one in train.events], dtype=np.float64),
        ODDNESS: np.array([one.score for one in answers]),
    }
    labels = {"anomaly": ["true" if one.is_anomaly else "false" for one in answers]}
    return reference_of(f"the sequences of {options.data.name}", len(train.events), numbers, labels)


def measured(loaded: LoadedSequences, rows: Sequences, *, known: list[tuple[str, ...]]) -> dict[str, Any]:
    """Return the figures of a model on rows, beside what needs no model; `known` are the normal ones of train."""
    answers = loaded.answer(rows.events)
    truth = np.array([bool(one) for one in rows.abnormal])
    called = np.array([one.is_anomaly for one in answers])
    if not rows.labelled:
        return {"dev_rows": len(truth), "false_alarms_on_dev": round(float(called[~truth].mean()), 4)}
    area = area_under_curve(truth, np.array([one.score for one in answers]))
    return {
        "dev_rows": len(truth),
        **binary_figures(truth, called),
        "area_under_curve": None if area is None else round(area, 4),
        "trivial": trivial_figures(truth, rows.events, known),
    }


def _order_and_tail(
    options: Options, encoded: list[list[int]], events: list[str], dev: Sequences | None
) -> tuple[int, Tail]:
    """Choose the longest run that is looked at: by F1 on a labelled dev, else two events."""
    orders = (options.order,) if options.order else ORDERS if dev is not None and dev.labelled else ORDERS[:1]
    best: tuple[float, int, Tail] | None = None
    for order in orders:
        tail = tail_of(held_out_surprises(encoded, events, order), options.false_alarms)
        f1 = 0.0
        if dev is not None and dev.labelled and len(orders) > 1:
            table = count_runs(encoded, order)
            grams = EventGrams(order, events, table.runs)
            found = surprises(table, grams, [grams.encode(one) for one in dev.events])
            f1 = binary_figures(np.array(dev.abnormal, dtype=bool), found > tail.limit)["f1"]
            say(f"runs of {order} events: F1 on dev {f1:.4f} from normal sequences alone")
        if best is None or f1 > best[0]:
            best = (f1, order, tail)
    assert best is not None
    return best[1], best[2]


def _assert_equal(loaded: LoadedSequences, judged: Judged, dev: Sequences) -> None:
    """The shipped graph answers as LightGBM does, within float32."""
    scores = np.array([one.score for one in loaded.answer(dev.events)])
    apart = float(np.abs(scores - judged.dev).max())
    if apart > 1e-4:
        raise AssertionError(f"the graph's probabilities are {apart} from LightGBM's; this is a bug")
