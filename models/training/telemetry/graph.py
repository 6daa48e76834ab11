"""Write the detector's formulas as an ONNX graph."""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper

from models.training.telemetry.formulas import STATE, STATE_WIDTH, advance
from models.training.telemetry.symbols import Graph, Symbol, SymbolicOperations

# Name -> element type, in the order of the card; for shapes see `shape_of`.
INPUTS = {"value": "float64", "seconds": "float64", "state": "float64", "alarm": "float64"}
OUTPUTS = {
    "score": "float64",
    "is_anomaly": "bool",
    "expected_low": "float64",
    "expected_high": "float64",
    "kind": "float64",
    "new_state": "float64",
}
_ELEMENTS = {"float64": TensorProto.DOUBLE, "bool": TensorProto.BOOL}


def shape_of(name: str) -> list[int | str]:
    """Return the shape of an input or output; `rows` varies."""
    if name == "alarm":
        return [1]
    return ["rows", STATE_WIDTH] if name in ("state", "new_state") else ["rows"]


def _described(names: dict[str, str]) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info(name, _ELEMENTS[type_], shape_of(name)) for name, type_ in names.items()]


def detector() -> onnx.ModelProto:
    """Return the graph: `value`, `seconds`, `state`, `alarm` in, the answers and `new_state` out."""
    graph = Graph()
    columns = {
        name: Symbol(graph, graph.add("Unsqueeze", name, "column_axis")) for name in ("value", "seconds", "alarm")
    }
    names = [f"old_{name}" for name in STATE]
    graph.split("state", names, list(STATE.values()))
    state = {name: Symbol(graph, f"old_{name}") for name in STATE}
    answers, new = advance(SymbolicOperations(graph), columns["value"], columns["seconds"], columns["alarm"], state)
    for name, answer in answers.items():
        graph.add("Squeeze", answer.name, "column_axis", outputs=[name])
    graph.add("Identity", new.name, outputs=["new_state"])
    return graph.model(_described(INPUTS), _described(OUTPUTS))
