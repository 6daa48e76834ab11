"""Components as an ONNX graph, one reading of each device at a time, memory in and out.

Products are written as element-wise ones and sums along a row, for a matrix product may round by how many rows it has.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.training.multivariate.components import FARTHEST, SMOOTHING, Components

OPSET = 17


def together_graph(components: Components) -> onnx.ModelProto:  # noqa: PLR0915 - one formula, step by step
    """Return the graph: `values`, `state` in; `oddness`, `residual`, `contributions`, `new_state` out, all float64.

    The state is the smoothed reading, then 1 once there was a reading.
    """
    metrics, kept = components.loadings.shape
    nodes: list[onnx.NodeProto] = []
    constants: dict[str, np.ndarray] = {
        "center": components.center[None],
        "scale": components.scale[None],
        "loadings_by_component": components.loadings.T[None],
        "loadings_by_metric": components.loadings[None],
        "inverse_variances": 1.0 / components.variances[None],
        "t2_limit": np.array([[components.t2_limit]]),
        "q_limit": np.array([[components.q_limit]]),
        "smoothing": np.array(SMOOTHING),
        "farthest": np.array(FARTHEST),
        "nearest": np.array(-FARTHEST),
        "zero": np.array(0.0),
        "one": np.array(1.0),
        "tiny": np.array(1e-300),
        "sizes": np.array([metrics, 1], dtype=np.int64),
        "columns": np.array([1], dtype=np.int64),
        "last": np.array([2], dtype=np.int64),
        "middle": np.array([1], dtype=np.int64),
    }

    def add(operation: str, inputs: list[str], outputs: list[str], **settings: int) -> str:
        nodes.append(helper.make_node(operation, inputs, outputs, **settings))
        return outputs[0]

    def by_row(name: str, weights: str, output: str) -> str:
        """Sum over the last axis of `weights` x the row: (rows, n) and (1, m, n) to (rows, m)."""
        add("Unsqueeze", [name, "middle"], [f"{output}_row"])
        add("Mul", [f"{output}_row", weights], [f"{output}_products"])
        return add("ReduceSum", [f"{output}_products", "last"], [output], keepdims=0)

    add("Split", ["state", "sizes"], ["before", "begun"], axis=1)
    add("Sub", ["values", "center"], ["off"])
    add("Div", ["off", "scale"], ["units"])
    add("IsNaN", ["values"], ["unread"])
    add("Where", ["unread", "before", "units"], ["filled"])
    add("Min", ["filled", "farthest"], ["not_above"])
    add("Max", ["not_above", "nearest"], ["reading"])
    add("Sub", ["reading", "before"], ["step"])
    add("Mul", ["step", "smoothing"], ["part"])
    add("Add", ["before", "part"], ["moved"])
    add("Greater", ["begun", "zero"], ["has_begun"])
    add("Where", ["has_begun", "moved", "reading"], ["smooth"])
    by_row("smooth", "loadings_by_component", "inside")
    by_row("inside", "loadings_by_metric", "expected")
    add("Sub", ["smooth", "expected"], ["outside"])
    add("Mul", ["outside", "outside"], ["q_parts"])
    add("ReduceSum", ["q_parts", "columns"], ["q"], keepdims=1)
    add("Mul", ["inside", "inverse_variances"], ["weighed"])
    by_row("weighed", "loadings_by_metric", "back")
    add("Mul", ["smooth", "back"], ["signed_t2_parts"])
    add("ReduceSum", ["signed_t2_parts", "columns"], ["t2"], keepdims=1)
    # What pulls towards the centre explains nothing of being far from it.
    add("Max", ["signed_t2_parts", "zero"], ["t2_parts"])
    add("Div", ["q", "q_limit"], ["q_odd"])
    add("Div", ["t2", "t2_limit"], ["t2_odd"])
    add("GreaterOrEqual", ["q_odd", "t2_odd"], ["residual_column"])
    add("Max", ["q_odd", "t2_odd"], ["oddness_column"])
    add("Where", ["residual_column", "q_parts", "t2_parts"], ["parts"])
    add("ReduceSum", ["parts", "columns"], ["all_parts"], keepdims=1)
    add("Max", ["all_parts", "tiny"], ["divisor"])
    add("Div", ["parts", "divisor"], ["contributions"])
    add("Squeeze", ["oddness_column", "columns"], ["oddness"])
    add("Squeeze", ["residual_column", "columns"], ["residual"])
    add("Mul", ["begun", "zero"], ["nothing"])
    add("Add", ["nothing", "one"], ["begun_now"])
    add("Concat", ["smooth", "begun_now"], ["new_state"], axis=1)

    def described(name: str, columns: int | None, type_: int = TensorProto.DOUBLE) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, type_, ["rows"] if columns is None else ["rows", columns])

    graph = helper.make_graph(
        nodes,
        "metrics_together",
        [described("values", metrics), described("state", metrics + 1)],
        [
            described("oddness", None),
            described("residual", None, TensorProto.BOOL),
            described("contributions", metrics),
            described("new_state", metrics + 1),
        ],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()],
    )
    assert kept < metrics
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="hubbub")
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model
