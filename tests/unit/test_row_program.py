"""A graph as a program of one row answers with the bits of ONNX Runtime, whatever comes; series alone or together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnxruntime import InferenceSession

from models.onnx_graph import read_graph
from models.onnx_scan import NotOnnx
from models.row_program import NotElementWise, row_program
from models.telemetry_model import MONTHLY, TelemetryModel
from models.training.telemetry.symbols import Graph, Symbol, SymbolicOperations
from operators.rounds import few_or_many, rounds

MODEL = TelemetryModel.named().loaded()
EXTREME = (0.0, -0.0, 1.0, -1.0, 1e300, -1e300, 1.7e308, -1.7e308, 5e-324, -5e-324, 1e-300, 1e9, 0.1)
VALUE = st.one_of(st.sampled_from(EXTREME), st.floats(allow_nan=False, allow_infinity=False), st.integers(-3, 3))
PAUSE = st.one_of(st.just(60.0), st.sampled_from((0.0, 1e-6, 3_600.0, 86_400.0, 1e9, 4.3e9)))
SERIES = st.lists(st.tuples(VALUE.map(float), PAUSE, st.booleans()), min_size=1, max_size=90)


def bits(*columns: NDArray[np.float64] | NDArray[np.bool_] | NDArray[np.int64]) -> bytes:
    return b"".join(np.ascontiguousarray(one).tobytes() for one in columns)


@settings(max_examples=40, deadline=None)
@given(SERIES, st.sampled_from((MONTHLY, 0.5, 1e-12)))
def test_following_one_series_gives_the_bits_of_steps_beside_others(
    series: list[tuple[float, float, bool]], alarm: float
) -> None:
    values, seconds, taken = (np.array(one) for one in zip(*series, strict=True))
    followed = MODEL.follow(values, seconds, taken, np.zeros(MODEL.state_width), alarm)
    state = np.zeros(MODEL.state_width)
    draw = np.random.default_rng(3)
    for row in range(len(values)):
        beside = int(draw.integers(0, 4))  # its place among others, in runs of one to seven rows
        rows = beside + int(draw.integers(1, 5))
        judged = MODEL.step(
            np.where(np.arange(rows) == beside, values[row], 20.0),
            np.full(rows, seconds[row]),
            np.tile(state, (rows, 1)),
            alarm,
        )
        assert bits(
            judged.score[[beside]],
            judged.is_anomaly[[beside]],
            judged.expected_low[[beside]],
            judged.expected_high[[beside]],
            judged.kind[[beside]],
        ) == bits(
            followed.score[[row]],
            followed.is_anomaly[[row]],
            followed.expected_low[[row]],
            followed.expected_high[[row]],
            followed.kind[[row]],
        )
        state = judged.states[beside] if taken[row] else state
    assert bits(state) == bits(followed.states[0])


def test_long_series_of_every_kind_agree_too() -> None:
    draw = np.random.default_rng(8)
    print("seed 8")
    noise = draw.normal(size=1_500)
    families = (20 + noise, np.cumsum(noise), np.round(noise), np.where(np.arange(1_500) % 90 < 45, 0.0, 1.0))
    for values in families:
        values[700:720] += 40
        values[1_000:] = np.where(draw.uniform(size=500) < 0.2, values[999], values[1_000:])
        seconds = np.where(draw.uniform(size=1_500) < 0.05, 900.0, 60.0)
        everything = np.ones(len(values), dtype=bool)
        one = MODEL.follow(values, seconds, everything, np.zeros(MODEL.state_width), MONTHLY)
        other = MODEL._follow_by_steps(values, seconds, everything, np.zeros(MODEL.state_width), MONTHLY)
        for name in ("score", "is_anomaly", "expected_low", "expected_high", "kind", "gap", "states"):
            assert bits(getattr(one, name)) == bits(getattr(other, name)), name


@settings(max_examples=20, deadline=None)
@given(st.lists(VALUE.map(float), min_size=4, max_size=4), st.integers(0, 3), VALUE.map(float))
def test_one_of_many_columns_is_read_and_written_by_its_place(row: list[float], place: int, value: float) -> None:
    """As the week's block of a reading is; the same graph by ONNX Runtime beside it."""
    graph = Graph()
    table, at, new = (Symbol(graph, name) for name in ("table", "at", "new"))
    ops = SymbolicOperations(graph)
    graph.add("Identity", ops.put(table, at, new).name, outputs=["changed"])
    graph.add("Identity", ops.at(table, at).name, outputs=["found"])
    shapes = {"table": 4, "at": 1, "new": 1, "changed": 4, "found": 1}
    ends = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["rows", n]) for name, n in shapes.items()]
    model = graph.model(ends[:3], ends[3:]).SerializeToString()
    answers = row_program(read_graph(model), {"table": 4, "at": 1, "new": 1})(*row, float(place), value)
    assert answers == (*row[:place], value, *row[place + 1 :], row[place])
    session = InferenceSession(model, providers=["CPUExecutionProvider"])
    feeds = {"table": np.array([row, row]), "at": np.full((2, 1), float(place)), "new": np.full((2, 1), value)}
    changed, found = session.run(None, feeds)
    assert (*changed[1].tolist(), *found[1].tolist()) == answers


def test_what_is_no_element_wise_graph_has_no_program(tmp_path: Path) -> None:
    def model(operation: str, **settings: int) -> bytes:
        node = helper.make_node(operation, ["x"], ["y"], **settings)
        ends = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["rows", 2]) for name in ("x", "y")]
        return bytes(helper.make_model(helper.make_graph([node], "g", ends[:1], ends[1:])).SerializeToString())

    for operation, settings_ in (("Exp", {}), ("Concat", {"axis": 0})):
        with pytest.raises(NotElementWise, match=operation):
            row_program(read_graph(model(operation, **settings_)), {"x": 2})
    assert row_program(read_graph(model("Abs")), {"x": 2})(-1.5, 2.0) == (1.5, 2.0)
    with pytest.raises(NotOnnx):
        read_graph(b"\xff\xff nothing of the kind")


@given(st.lists(st.integers(0, 6)), st.integers(0, 8))
def test_few_or_many_lose_no_row_and_keep_each_key_in_order(keys: list[int], few: int) -> None:
    many, alone = few_or_many(np.array(keys, dtype=np.int64), few)
    seen = [int(row) for rows in (*many, *alone) for row in rows]
    assert sorted(seen) == list(range(len(keys)))
    assert all(len(rows) > few for rows in many)
    for key in set(keys):
        own = [row for row in seen if keys[row] == key]
        assert own == sorted(own)
    assert len(alone) <= few
    assert sum(map(len, many)) == sum(len(one) for one in rounds(np.array(keys, dtype=np.int64)) if len(one) > few)
