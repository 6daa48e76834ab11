"""Write the encoder and its heads as an ONNX graph, in float32 or with integer products.

Inputs `input_ids`, `attention_mask`: int64 (rows, tokens). Outputs `logits` (rows, labels), `token_logits`
(rows, tokens, labels; zero on padding) and `embedding` (rows, 384), all float32. The graph is written node by node, not
exported, so that each quantized product is exactly one `Gemm` between its QuantizeLinear and DequantizeLinear: the form
that ONNX Runtime turns into one integer kernel with the bias inside.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.training.encoder.network import (
    HEAD_COUNT,
    HEAD_WIDTH,
    HIDDEN,
    LAYER_NORM_EPSILON,
    Parameters,
    folded_heads,
    layer_count,
)
from models.training.encoder.quantize import Scale, integer_weight, integer_words

OPSET = 20
IR_VERSION = 10
MASKED = -10_000.0


class Graph:
    """Nodes and constants in the order in which they were written."""

    def __init__(self) -> None:
        """Start empty."""
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add a constant and give its name; writing it twice is harmless."""
        self.constants.setdefault(name, numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def numbers(self, *values: int) -> str:
        """Add a constant of whole numbers."""
        return self.constant("numbers." + "_".join(map(str, values)), np.array(values, dtype=np.int64))

    def add(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        """Add a node with one output and give that output's name."""
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output


def _array(parameters: Parameters, name: str) -> np.ndarray:
    value: np.ndarray = parameters[name].detach().numpy()
    return value


def _product(graph: Graph, parameters: Parameters, name: str, value: str, scales: dict[str, Scale] | None) -> str:
    weight, bias = parameters[f"{name}.weight"], _array(parameters, f"{name}.bias")
    if scales is None:
        inputs = [
            value,
            graph.constant(f"{name}.weight", weight.detach().numpy()),
            graph.constant(f"{name}.bias", bias),
        ]
        return graph.add("Gemm", inputs, name, transB=1)
    scale = scales[f"{name}.input"]
    integers, weight_scale = integer_weight(weight)
    step = graph.constant(f"{name}.input.scale", np.array(scale.scale, dtype=np.float32))
    zero = graph.constant(f"{name}.input.zero", np.array(scale.zero, dtype=np.uint8))
    rounded = graph.add("QuantizeLinear", [value, step, zero], f"{name}.input.quantized")
    rounded = graph.add("DequantizeLinear", [rounded, step, zero], f"{name}.input.rounded")
    bias_scale = (weight_scale * np.float32(scale.scale)).astype(np.float32)
    bias_integers = np.clip(np.rint(bias / bias_scale), -(2**31), 2**31 - 1).astype(np.int32)
    channels = len(weight_scale)
    weight_inputs = [
        graph.constant(f"{name}.weight.quantized", integers.T),
        graph.constant(f"{name}.weight.scale", weight_scale),
        graph.constant(f"{name}.weight.zero", np.zeros(channels, dtype=np.int8)),
    ]
    bias_inputs = [
        graph.constant(f"{name}.bias.quantized", bias_integers),
        graph.constant(f"{name}.bias.scale", bias_scale),
        graph.constant(f"{name}.bias.zero", np.zeros(channels, dtype=np.int32)),
    ]
    weights = graph.add("DequantizeLinear", weight_inputs, f"{name}.weight", axis=1)
    biases = graph.add("DequantizeLinear", bias_inputs, f"{name}.bias", axis=0)
    return graph.add("Gemm", [rounded, weights, biases], name)


def _norm(graph: Graph, parameters: Parameters, name: str, value: str) -> str:
    inputs = [value] + [
        graph.constant(f"{name}.{kind}", _array(parameters, f"{name}.{kind}")) for kind in ("weight", "bias")
    ]
    return graph.add("LayerNormalization", inputs, name, axis=-1, epsilon=LAYER_NORM_EPSILON)


def _embed(graph: Graph, parameters: Parameters, small: bool) -> str:
    if small:
        integers, scales = integer_words(parameters["embedding.words"])
        words = graph.add("Gather", [graph.constant("words.quantized", integers), "input_ids"], "words.bytes")
        words = graph.add("Cast", [words], "words.floats", to=TensorProto.FLOAT)
        scale = graph.add("Gather", [graph.constant("words.scale", scales), "input_ids"], "words.scales")
        words = graph.add("Mul", [words, scale], "words")
    else:
        table = graph.constant("words.table", _array(parameters, "embedding.words"))
        words = graph.add("Gather", [table, "input_ids"], "words")
    positions = graph.constant("positions.table", _array(parameters, "embedding.positions"))
    positions = graph.add("Slice", [positions, graph.numbers(0), "tokens", graph.numbers(0)], "positions")
    hidden = _norm(graph, parameters, "embedding.norm", graph.add("Add", [words, positions], "embedded"))
    return graph.add("Reshape", [hidden, graph.numbers(-1, HIDDEN)], "embedding.flat")


def _attend(graph: Graph, layer: str, joined: str) -> str:
    split = graph.add("Reshape", [joined, "shape.split"], f"{layer}.split")
    split = graph.add("Transpose", [split], f"{layer}.split.by_part", perm=[2, 0, 3, 1, 4])
    query, key, value = (
        graph.add(
            "Gather", [split, graph.constant(f"part.{part}", np.array(part, dtype=np.int64))], f"{layer}.{name}", axis=0
        )
        for part, name in enumerate(("query", "key", "value"))
    )
    key = graph.add("Transpose", [key], f"{layer}.key.turned", perm=[0, 1, 3, 2])
    scores = graph.add("MatMul", [query, key], f"{layer}.scores")
    scores = graph.add("Add", [scores, "mask.added"], f"{layer}.scores.masked")
    shares = graph.add("Softmax", [scores], f"{layer}.shares", axis=-1)
    mixed = graph.add("MatMul", [shares, value], f"{layer}.mixed")
    mixed = graph.add("Transpose", [mixed], f"{layer}.mixed.by_token", perm=[0, 2, 1, 3])
    return graph.add("Reshape", [mixed, graph.numbers(-1, HIDDEN)], f"{layer}.mixed.flat")


def _shapes_and_masks(graph: Graph) -> None:
    graph.add("Shape", ["input_ids"], "rows", start=0, end=1)
    graph.add("Shape", ["input_ids"], "tokens", start=1, end=2)
    graph.add("Concat", ["rows", "tokens", graph.numbers(3, HEAD_COUNT, HEAD_WIDTH)], "shape.split", axis=0)
    graph.add("Concat", ["rows", "tokens", graph.numbers(-1)], "shape.tokens", axis=0)
    mask = graph.add("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
    graph.add("Unsqueeze", [mask, graph.numbers(2)], "mask.by_token")
    graph.add("Unsqueeze", [mask, graph.numbers(1)], "mask.as_row")
    graph.add("ReduceSum", ["mask", graph.numbers(1)], "token_count", keepdims=1)
    away = graph.add("Sub", [graph.constant("one", np.array(1, dtype=np.float32)), "mask"], "mask.away")
    away = graph.add("Mul", [away, graph.constant("masked", np.array(MASKED, dtype=np.float32))], "mask.scaled")
    graph.add("Unsqueeze", [away, graph.numbers(1, 2)], "mask.added")


def _sum_over_tokens(graph: Graph, value: str, name: str) -> str:
    """Add up what is not masked: as a product with the mask, for ReduceSum adds one row alone in another order."""
    row = graph.add("MatMul", ["mask.as_row", value], f"{name}.as_row")
    return graph.add("Squeeze", [row, graph.numbers(1)], name)


def _answers(graph: Graph, parameters: Parameters, hidden: str) -> None:
    weight, bias = (value.numpy() for value in folded_heads(parameters))
    weights = graph.constant("head.weight", weight.T)
    each = graph.add("MatMul", [hidden, weights], "head.flat")
    each = graph.add("Reshape", [each, "shape.tokens"], "head.by_token")
    graph.add("Mul", [each, "mask.by_token"], "token_logits")
    mean = graph.add("Div", [_sum_over_tokens(graph, each, "head.total"), "token_count"], "head.mean")
    graph.add("Add", [mean, graph.constant("head.bias", bias)], "logits")
    kept = graph.add("Reshape", [hidden, "shape.tokens"], "hidden.by_token")
    graph.add("Div", [_sum_over_tokens(graph, kept, "hidden.total"), "token_count"], "embedding")


def write_graph(parameters: Parameters, path: Path, scales: dict[str, Scale] | None) -> None:
    """Write the model to `path`: integer products where `scales` are given, float32 where not."""
    graph = Graph()
    _shapes_and_masks(graph)
    hidden = _embed(graph, parameters, small=scales is not None)
    for index in range(layer_count(parameters)):
        layer = f"layer.{index}"
        mixed = _attend(graph, layer, _product(graph, parameters, f"{layer}.attention_in", hidden, scales))
        mixed = _product(graph, parameters, f"{layer}.attention_out", mixed, scales)
        mixed = graph.add("Add", [mixed, hidden], f"{layer}.attention_sum")
        hidden = _norm(graph, parameters, f"{layer}.attention_norm", mixed)
        wide = _product(graph, parameters, f"{layer}.expand", hidden, scales)
        wide = graph.add("Gelu", [wide], f"{layer}.gelu")
        narrow = _product(graph, parameters, f"{layer}.contract", wide, scales)
        hidden = _norm(graph, parameters, f"{layer}.norm", graph.add("Add", [narrow, hidden], f"{layer}.sum"))
    _answers(graph, parameters, hidden)
    whole, real = TensorProto.INT64, TensorProto.FLOAT
    labels = len(parameters["head.bias"])
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "text",
            [
                helper.make_tensor_value_info(name, whole, ["rows", "tokens"])
                for name in ("input_ids", "attention_mask")
            ],
            [
                helper.make_tensor_value_info("logits", real, ["rows", labels]),
                helper.make_tensor_value_info("token_logits", real, ["rows", "tokens", labels]),
                helper.make_tensor_value_info("embedding", real, ["rows", HIDDEN]),
            ],
            list(graph.constants.values()),
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="hubbub",
    )
    onnx.checker.check_model(model)
    onnx.save(model, path)
