"""A text bundle in miniature: a real graph, a real tokenizer and the real heads, with weights from a fixed seed.

Its answers mean nothing; everything about how they come about is as in the shipped bundle: integer products, attention
under a mask, `logits` as the masked mean of `token_logits`.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram

from models.bundle import open_bundle, seal_card
from models.loaded_text import LoadedText, golden_answers

HEADS = {
    "language": ("en", "zh-CN", "und"),
    "sentiment": ("negative", "neutral", "positive"),
    "topic": ("device_fault", "connectivity", "billing_order", "other"),
    "urgency": ("critical", "high", "normal", "low"),
    "category": ("power", "network", "thermal", "normal"),
    "abnormal": ("true", "false"),
    "severity": ("critical", "major", "minor", "warning", "indeterminate", "cleared"),
    "intent": ("complaint", "order", "oos"),
}
OUTSIDE = {"intent": {"method": "energy", "slope": 2.0, "threshold": -1.5}}
LABELS = sum(map(len, HEADS.values()))
# Drawn first, so that what the other heads answer does not depend on `intent`.
FIRST_LABELS = LABELS - len(HEADS["intent"])
WIDTH = 16
MAX_TOKENS = 32
BUCKETS = (8, 16, 32)
GOLDEN = (
    "The lock has been beeping since noon",
    "空调漏水了，请马上来人",
    "dhcpd: link down on port 4",
    "E-21 high pressure",
)
_WORDS = "the lock has been beeping since noon link down port high pressure please come water leak door fan is hot cold"
_HAN = "空调漏水了请马上来人门锁很热冷电池坏谢"


def tiny_tokenizer() -> Tokenizer:
    """Return a unigram tokenizer of some words and all printable ASCII; everything else is unknown to it."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = ["▁" + word for word in _WORDS.split()] + _WORDS.split() + list(_HAN) + ["空调", "漏水", "马上", "▁"]
    pieces += [chr(code) for code in range(33, 127)]
    vocabulary = [(piece, 0.0) for piece in special]
    vocabulary += [(piece, -10.0 + min(len(piece), 8)) for piece in dict.fromkeys(pieces)]
    tokenizer = Tokenizer(Unigram(vocabulary, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens(special)
    return tokenizer


def tiny_graph(vocabulary: int) -> onnx.ModelProto:
    """Return embeddings, one attention, one integer product, and the heads."""
    source, more = np.random.default_rng(7), np.random.default_rng(8)
    constants: dict[str, Any] = {
        "words": source.normal(size=(vocabulary, WIDTH)).astype(np.float32),
        "positions": source.normal(scale=0.3, size=(MAX_TOKENS, WIDTH)).astype(np.float32),
        "weight": source.integers(-64, 65, size=(WIDTH, WIDTH)).astype(np.int8),
        "weight.scale": np.full(WIDTH, 0.01, dtype=np.float32),
        "weight.zero": np.zeros(WIDTH, dtype=np.int8),
        "bias": np.zeros(WIDTH, dtype=np.int32),
        "bias.scale": np.full(WIDTH, np.float32(0.01) * np.float32(0.05), dtype=np.float32),
        "bias.zero": np.zeros(WIDTH, dtype=np.int32),
        "scale": np.array(0.05, dtype=np.float32),
        "zero": np.array(128, dtype=np.uint8),
        "head": np.hstack(
            [source.normal(size=(WIDTH, FIRST_LABELS)), more.normal(size=(WIDTH, LABELS - FIRST_LABELS))]
        ).astype(np.float32),
        "head.bias": np.hstack([source.normal(size=FIRST_LABELS), more.normal(size=LABELS - FIRST_LABELS)]).astype(
            np.float32
        ),
        "one": np.array(1, dtype=np.float32),
        "far": np.array(-10_000, dtype=np.float32),
    }
    for name, values in {"0": [0], "1": [1], "2": [2], "flat": [-1, WIDTH]}.items():
        constants[name] = np.array(values, dtype=np.int64)
    nodes = [
        ("Shape", ["input_ids"], "shape", {}),
        ("Gather", ["shape", "1"], "tokens", {}),
        ("Cast", ["attention_mask"], "mask", {"to": TensorProto.FLOAT}),
        ("Unsqueeze", ["mask", "2"], "mask.by_token", {}),
        ("Unsqueeze", ["mask", "1"], "mask.by_key", {}),
        ("Sub", ["one", "mask.by_key"], "away", {}),
        ("Mul", ["away", "far"], "away.far", {}),
        ("ReduceSum", ["mask", "1"], "count", {"keepdims": 1}),
        ("Gather", ["words", "input_ids"], "embedded.words", {}),
        ("Slice", ["positions", "0", "tokens", "0"], "embedded.positions", {}),
        ("Add", ["embedded.words", "embedded.positions"], "embedded", {}),
        ("Transpose", ["embedded"], "keys", {"perm": [0, 2, 1]}),
        ("MatMul", ["embedded", "keys"], "scores", {}),
        ("Add", ["scores", "away.far"], "scores.masked", {}),
        ("Softmax", ["scores.masked"], "shares", {"axis": -1}),
        ("MatMul", ["shares", "embedded"], "mixed", {}),
        ("Reshape", ["mixed", "flat"], "mixed.flat", {}),
        ("QuantizeLinear", ["mixed.flat", "scale", "zero"], "rounded.bytes", {}),
        ("DequantizeLinear", ["rounded.bytes", "scale", "zero"], "rounded", {}),
        ("DequantizeLinear", ["weight", "weight.scale", "weight.zero"], "weight.real", {"axis": 1}),
        ("DequantizeLinear", ["bias", "bias.scale", "bias.zero"], "bias.real", {"axis": 0}),
        ("Gemm", ["rounded", "weight.real", "bias.real"], "product", {}),
        ("Gelu", ["product"], "bent", {}),
        ("MatMul", ["bent", "head"], "head.flat", {}),
        ("Shape", ["embedded.words"], "shape.hidden", {}),
        ("Slice", ["shape.hidden", "0", "2", "0"], "shape.rows", {}),
        ("Concat", ["shape.rows", "labels"], "shape.labels", {"axis": 0}),
        ("Reshape", ["head.flat", "shape.labels"], "head.by_token", {}),
        ("Mul", ["head.by_token", "mask.by_token"], "token_logits", {}),
        ("ReduceSum", ["token_logits", "1"], "total", {"keepdims": 0}),
        ("Div", ["total", "count"], "mean", {}),
        ("Add", ["mean", "head.bias"], "logits", {}),
        ("Reshape", ["bent", "shape.hidden"], "hidden", {}),
        ("Mul", ["hidden", "mask.by_token"], "hidden.kept", {}),
        ("ReduceSum", ["hidden.kept", "1"], "hidden.total", {"keepdims": 0}),
        ("Div", ["hidden.total", "count"], "embedding", {}),
    ]
    constants["labels"] = np.array([LABELS], dtype=np.int64)
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, [output], **attributes) for kind, inputs, output, attributes in nodes],
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["rows", "tokens"]) for name in INPUTS],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in OUTPUTS.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10, producer_name="hubbub")
    onnx.checker.check_model(model, full_check=True)
    return model


INPUTS = ("input_ids", "attention_mask")
OUTPUTS: dict[str, list[int | str]] = {
    "logits": ["rows", LABELS],
    "token_logits": ["rows", "tokens", LABELS],
    "embedding": ["rows", WIDTH],
}


def write_card(folder: Path, **changes: object) -> None:
    """Write and seal the card of the files in `folder`; `changes` replace what it would say."""
    card: dict[str, object] = {
        "name": "tiny-text",
        "version": "1.0.0",
        "task": "text",
        "heads": [
            {"name": head, "labels": labels, "temperature": 0.5, "outside": OUTSIDE.get(head)}
            for head, labels in HEADS.items()
        ],
        "inputs": [{"name": name, "type": "int64", "shape": ["rows", "tokens"]} for name in INPUTS],
        "outputs": [{"name": name, "type": "float32", "shape": shape} for name, shape in OUTPUTS.items()],
        "max_tokens": MAX_TOKENS,
        "buckets": BUCKETS,
        "runtime": {"onnxruntime": onnxruntime.__version__, "optimization": "all"},
        "golden": [{"text": "not yet"}],
        "files": {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.iterdir())
            if not path.name.startswith("card.json")
        },
    }
    (folder / "card.json").write_text(json.dumps(card | changes, ensure_ascii=False, indent=1), encoding="utf-8")
    seal_card(folder)


def write_tiny_text_bundle(folder: Path) -> Path:
    """Make the bundle in `folder`, golden examples included, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tiny_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    onnx.save(tiny_graph(tokenizer.get_vocab_size()), folder / "model.onnx")
    write_card(folder)
    write_card(folder, golden=golden_answers(LoadedText(open_bundle(folder), threads=1), GOLDEN))
    return folder
