"""The encoder with its heads, as functions over a dictionary of tensors.

A dictionary instead of a module because three readers share it: training here, the ONNX graph (graph.py), and the
choice of integer scales (quantize.py). The encoder is BERT with post-layer normalisation (Devlin et al., 2018); each
head is one linear layer on the last hidden state, so a text's logit is the mean of what its tokens add.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

Parameters = dict[str, Tensor]
# A hook that sees each value that enters an integer matrix product, by its name, and returns what enters instead.
Tap = Callable[[str, Tensor], Tensor]

BASE_LAYERS = tuple(range(12))
HIDDEN = 384
HEAD_COUNT = 12
HEAD_WIDTH = HIDDEN // HEAD_COUNT
POSITIONS = 128
LAYER_NORM_EPSILON = 1e-12
HEAD_NAMES = ("head.weight", "head.bias")


def load_parameters(folder: Path, piece_ids: list[int], labels: int, layers: tuple[int, ...]) -> Parameters:
    """Read the base encoder, keeping only some layers and the rows of `piece_ids` of its embedding table.

    `labels` is the width of `logits`; the heads start at zero.

    The query, key and value products become one (384, 1152) matrix whose query part carries the 1/sqrt(32) of the
    attention, and the constant token type is folded into the positions: fewer operations, same values.
    """
    raw = {name.removeprefix("bert."): value.float() for name, value in load_file(folder / "model.safetensors").items()}
    parameters: Parameters = {
        "embedding.words": raw["embeddings.word_embeddings.weight"][piece_ids].clone(),
        "embedding.positions": raw["embeddings.position_embeddings.weight"][:POSITIONS]
        + raw["embeddings.token_type_embeddings.weight"][0],
        "embedding.norm.weight": raw["embeddings.LayerNorm.weight"],
        "embedding.norm.bias": raw["embeddings.LayerNorm.bias"],
    }
    scale = 1 / math.sqrt(HEAD_WIDTH)
    for index, layer in enumerate(layers):
        old, new = f"encoder.layer.{layer}", f"layer.{index}"
        for kind in ("weight", "bias"):
            parts = [raw[f"{old}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            joined = torch.cat([parts[0] * scale, *parts[1:]])
            parameters[f"{new}.attention_in.{kind}"] = joined
            parameters[f"{new}.attention_out.{kind}"] = raw[f"{old}.attention.output.dense.{kind}"]
            parameters[f"{new}.attention_norm.{kind}"] = raw[f"{old}.attention.output.LayerNorm.{kind}"]
            parameters[f"{new}.expand.{kind}"] = raw[f"{old}.intermediate.dense.{kind}"]
            parameters[f"{new}.contract.{kind}"] = raw[f"{old}.output.dense.{kind}"]
            parameters[f"{new}.norm.{kind}"] = raw[f"{old}.output.LayerNorm.{kind}"]
    parameters["head.weight"] = torch.zeros(labels, HIDDEN)
    parameters["head.bias"] = torch.zeros(labels)
    parameters["head.center"] = torch.zeros(HIDDEN)
    parameters["head.spread"] = torch.ones(HIDDEN)
    return {name: value.contiguous().clone() for name, value in parameters.items()}


def keep_layers(parameters: Parameters, layers: tuple[int, ...]) -> Parameters:
    """Copy an encoder with only some of its layers, numbered anew; heads and embeddings are kept."""
    kept: Parameters = {}
    for name, value in parameters.items():
        if not name.startswith("layer."):
            kept[name] = value.detach().clone()
            continue
        _, number, rest = name.split(".", 2)
        if int(number) in layers:
            kept[f"layer.{layers.index(int(number))}.{rest}"] = value.detach().clone()
    return kept


def layer_count(parameters: Parameters) -> int:
    """Count the encoder's layers."""
    return sum(name.endswith(".expand.bias") for name in parameters)


def _norm(parameters: Parameters, name: str, value: Tensor) -> Tensor:
    weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
    return functional.layer_norm(value, (HIDDEN,), weight, bias, LAYER_NORM_EPSILON)


def as_it_is(name: str, value: Tensor) -> Tensor:
    """Change nothing: the tap of plain float arithmetic."""
    return value


def encode(
    parameters: Parameters,
    ids: Tensor,
    mask: Tensor,
    *,
    dropout: float = 0.0,
    tap: Tap = as_it_is,
    weight_tap: Tap = as_it_is,
) -> Tensor:
    """Compute the last hidden state, shape (rows, tokens, 384), of `ids` and `mask`, both (rows, tokens).

    `tap` sees each activation that enters an integer product (names `layer.N.<product>.input`), `weight_tap` each
    weight: calibration observes there, quantization-aware training rounds there.
    """
    rows, tokens = ids.shape

    def drop(value: Tensor) -> Tensor:
        return functional.dropout(value, dropout) if dropout else value

    def product(name: str, value: Tensor) -> Tensor:
        weight = weight_tap(f"{name}.weight", parameters[f"{name}.weight"])
        return functional.linear(tap(f"{name}.input", value), weight, parameters[f"{name}.bias"])

    hidden = functional.embedding(ids, parameters["embedding.words"]) + parameters["embedding.positions"][:tokens]
    hidden = drop(_norm(parameters, "embedding.norm", hidden))
    allowed = mask.bool()[:, None, None, :]
    for index in range(layer_count(parameters)):
        layer = f"layer.{index}"
        joined = product(f"{layer}.attention_in", hidden).view(rows, tokens, 3, HEAD_COUNT, HEAD_WIDTH)
        query, key, value = joined.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=allowed, dropout_p=dropout, scale=1.0
        )
        mixed = mixed.transpose(1, 2).reshape(rows, tokens, HIDDEN)
        hidden = _norm(parameters, f"{layer}.attention_norm", hidden + drop(product(f"{layer}.attention_out", mixed)))
        wide = functional.gelu(product(f"{layer}.expand", hidden))
        hidden = _norm(parameters, f"{layer}.norm", hidden + drop(product(f"{layer}.contract", wide)))
    return hidden


def pool(hidden: Tensor, mask: Tensor) -> Tensor:
    """Average the hidden state over the tokens that are not padding: (rows, 384)."""
    weights = mask.to(hidden.dtype)[:, :, None]
    return (hidden * weights).sum(1) / weights.sum(1)


def classify(parameters: Parameters, pooled: Tensor) -> Tensor:
    """Give the logits of all heads, shape (rows, labels), of pooled hidden states.

    The heads learn on standardized vectors (`center`, `spread`, both (384,)): sentence vectors of this encoder lie in a
    narrow cone, and raw ones teach a linear layer very slowly. `folded_heads` undoes it for the graph.
    """
    standard = (pooled - parameters["head.center"]) / parameters["head.spread"]
    return functional.linear(standard, parameters["head.weight"], parameters["head.bias"])


def folded_heads(parameters: Parameters) -> tuple[Tensor, Tensor]:
    """Give the heads' weight (labels, 384) and bias (labels,) for vectors that are not standardized."""
    weight = parameters["head.weight"].detach() / parameters["head.spread"]
    return weight, parameters["head.bias"].detach() - weight @ parameters["head.center"]
