"""Next-event probabilities with back-off, from normal sequences, and the graph that looks them up.

P(event | context) = (count + T P(event | shorter context)) / (n + T), with n the steps behind the context and T how
many different events followed it (I. H. Witten and T. C. Bell, 1991). Below the single events lies one more share for
events never seen.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.event_grams import BEGIN, END, UNKNOWN, EventGrams, Gram

OPSET = 17


@dataclass(frozen=True)
class Table:
    """Entries of runs: `log_probability` of the last event behind the others, `weight` for backing off from the run.

    Both are (runs + 1,); entry 0 is no run and weighs nothing.
    """

    runs: tuple[Gram, ...]
    log_probability: NDArray[np.float64]
    weight: NDArray[np.float64]


def count_runs(sequences: Sequence[Sequence[int]], order: int) -> Table:
    """Count runs up to `order` in encoded normal sequences and give each its probability and weight."""
    counts: Counter[Gram] = Counter()
    after: dict[Gram, set[int]] = defaultdict(set)
    behind: Counter[Gram] = Counter()
    for sequence, times in Counter(map(tuple, sequences)).items():
        padded = (BEGIN,) * (order - 1) + sequence + (END,)
        for at in range(order - 1, len(padded)):
            for length in range(order):
                context = padded[at - length : at]
                counts[(*context, padded[at])] += times
                behind[context] += times
                after[context].add(padded[at])
    singles = after[()]
    floor = 1.0 / (len(singles) + 1)
    probability: dict[Gram, float] = {}
    for run in sorted(counts, key=lambda one: (len(one), one)):
        context, kinds = run[:-1], len(after[run[:-1]])
        lower = probability[run[1:]] if len(run) > 1 else floor
        probability[run] = (counts[run] + kinds * lower) / (behind[context] + kinds)
    weight = {context: len(after[context]) / (behind[context] + len(after[context])) for context in behind}
    probability[(UNKNOWN,)] = weight[()] * floor
    runs = tuple(sorted({*probability, *(context for context in weight if context)}, key=lambda one: (len(one), one)))
    logs = np.zeros((2, len(runs) + 1))
    for entry, run in enumerate(runs, start=1):
        # A run of begins alone is a context only; nothing ever asks how probable it is.
        logs[0, entry] = math.log(probability.get(run, 1.0))
        logs[1, entry] = math.log(weight.get(run, 1.0))
    return Table(runs, logs[0], logs[1])


def surprise_graph(table: Table, order: int) -> onnx.ModelProto:
    """Return the graph: `gram` (steps,) and `contexts` (steps, order - 1) in, `surprise` (steps,) float64 out."""
    nodes = [helper.make_node("Gather", ["log_probability", "gram"], ["sum_0"], axis=0)]
    nodes.append(helper.make_node("Gather", ["weight", "contexts"], ["weights"], axis=0))
    for place in range(order - 1):
        nodes.append(helper.make_node("Gather", ["weights", f"place_{place}"], [f"weight_{place}"], axis=1))
        nodes.append(helper.make_node("Add", [f"sum_{place}", f"weight_{place}"], [f"sum_{place + 1}"]))
    nodes.append(helper.make_node("Neg", [f"sum_{order - 1}"], ["surprise"]))
    constants = [numpy_helper.from_array(np.array(place, np.int64), f"place_{place}") for place in range(order - 1)]
    constants.append(numpy_helper.from_array(table.log_probability, "log_probability"))
    constants.append(numpy_helper.from_array(table.weight, "weight"))
    graph = helper.make_graph(
        nodes,
        "event_surprise",
        [
            helper.make_tensor_value_info("gram", TensorProto.INT64, ["steps"]),
            helper.make_tensor_value_info("contexts", TensorProto.INT64, ["steps", order - 1]),
        ],
        [helper.make_tensor_value_info("surprise", TensorProto.DOUBLE, ["steps"])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="hubbub")
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model


def surprises(table: Table, grams: EventGrams, sequences: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Return what the graph would say of each sequence's most surprising step."""
    if not sequences:
        return np.zeros(0)
    steps = grams.steps(sequences)
    each = -(table.log_probability[steps.gram] + table.weight[steps.contexts].sum(axis=1))
    return np.asarray(np.maximum.reduceat(each, steps.starts[:-1]))
