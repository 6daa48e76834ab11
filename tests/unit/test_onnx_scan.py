"""A graph that points outside of itself is refused before ONNX Runtime sees it."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.onnx_scan import complaint_about
from tests.tiny_text_bundle import tiny_graph


def model(*nodes: onnx.NodeProto, weights: list[onnx.TensorProto] | None = None, domain: str = "") -> onnx.ModelProto:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph(list(nodes), "g", [value], [result], weights or [])
    opsets = [helper.make_opsetid("", 20)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    return helper.make_model(graph, opset_imports=opsets)


def external(name: str = "w") -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.ones(1, dtype=np.float32), name)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../secret"
    return tensor


IDENTITY = helper.make_node("Identity", ["x"], ["y"])


def test_nothing_speaks_against_a_plain_graph() -> None:
    assert complaint_about(model(IDENTITY).SerializeToString()) is None
    assert complaint_about(tiny_graph(50).SerializeToString()) is None


def test_operators_that_onnx_runtime_brings_are_welcome() -> None:
    node = helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")
    assert complaint_about(model(node, domain="com.microsoft").SerializeToString()) is None


def test_weights_in_another_file_are_refused() -> None:
    assert "outside of its file" in str(complaint_about(model(IDENTITY, weights=[external()]).SerializeToString()))


def test_weights_in_another_file_are_found_in_a_constant_of_a_branch() -> None:
    inner = helper.make_graph(
        [helper.make_node("Constant", [], ["z"], value=external("c"))],
        "branch",
        [],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [1])],
    )
    node = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    assert "outside of its file" in str(complaint_about(model(node).SerializeToString()))


def test_sparse_weights_in_another_file_are_refused() -> None:
    one = model(IDENTITY)
    one.graph.sparse_initializer.add().values.CopyFrom(external())
    assert "outside of its file" in str(complaint_about(one.SerializeToString()))


def test_operators_of_somebody_elses_library_are_refused() -> None:
    node = helper.make_node("Anything", ["x"], ["y"], domain="com.example")
    assert "'com.example'" in str(complaint_about(model(node).SerializeToString()))
    assert "'com.example'" in str(complaint_about(model(IDENTITY, domain="com.example").SerializeToString()))


def test_operators_of_somebody_elses_library_are_found_in_a_function() -> None:
    one = model(IDENTITY)
    inner = [helper.make_node("Anything", ["a"], ["b"], domain="com.example")]
    one.functions.add().CopyFrom(helper.make_function("", "f", ["a"], ["b"], inner, [helper.make_opsetid("", 20)]))
    assert "'com.example'" in str(complaint_about(one.SerializeToString()))


@pytest.mark.parametrize("data", [b"\xff", b"\x3a\x05abc", b"<html>no</html>", b"\x3b\x3c", b"\x80" * 11])
def test_what_is_no_model_is_refused(data: bytes) -> None:
    assert "is no ONNX model" in str(complaint_about(data))


def test_a_bomb_of_nested_graphs_is_refused() -> None:
    data = b""
    for _ in range(200):  # graph > node > attribute > graph > ...
        for tag in (0x32, 0x2A, 0x0A):  # attribute.g, node.attribute, graph.node
            data = bytes([tag]) + _size(len(data)) + data
    assert "nested deeper" in str(complaint_about(b"\x3a" + _size(len(data)) + data))


def _size(length: int) -> bytes:
    digits = []
    while True:
        length, low = length >> 7, length & 0x7F
        digits.append(low | (0x80 if length else 0))
        if not length:
            return bytes(digits)
