"""Choose the integer scales: 8 bits for activations, 7 for weights, one table of int8 words.

Weights use 7 of 8 bits (-64..64) because AVX2 adds two byte products in 16 bits: 2 * 255 * 64 fits, so a CPU with or
without VNNI computes the same sum. Activations have one fixed scale each, so no row's answer depends on its batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from models.training.encoder.batches import Batch
from models.training.encoder.network import Parameters, Tap, encode

WEIGHT_LIMIT = 64
ACTIVATION_LEVELS = 255
METHODS = ("min-max", "percentile", "least-squares")
_KEPT_PER_BATCH = 20_000


@dataclass(frozen=True)
class Scale:
    """How one activation becomes an unsigned byte: byte = round(value / scale) + zero."""

    scale: float
    zero: int


@dataclass
class Observed:
    """What calibration saw of one activation: its extremes and a sample of its values."""

    low: float
    high: float
    sample: list[Tensor]


def observe(parameters: Parameters, batches: Iterable[Batch], seed: int) -> dict[str, Observed]:
    """Run the encoder over calibration batches and note the values that enter each integer product."""
    seen: dict[str, Observed] = {}
    source = torch.Generator().manual_seed(seed)
    live = torch.ones(0, dtype=torch.bool)

    def tap(name: str, value: Tensor) -> Tensor:
        # Padding never reaches an answer, so its values must not widen a range.
        flat = value.reshape(-1, value.shape[-1])[live].reshape(-1)
        low, high = float(flat.min()), float(flat.max())
        chosen = flat[torch.randint(len(flat), (_KEPT_PER_BATCH,), generator=source)]
        if name in seen:
            one = seen[name]
            one.low, one.high = min(one.low, low), max(one.high, high)
            one.sample.append(chosen)
        else:
            seen[name] = Observed(low, high, [chosen])
        return value

    with torch.no_grad():
        for batch in batches:
            live = batch.mask.bool().reshape(-1)
            encode(parameters, batch.ids, batch.mask, tap=tap)
    return seen


def _scale(low: float, high: float) -> Scale:
    low, high = min(low, 0.0), max(high, 0.0)
    # A float32 scale, because that is what the graph stores.
    scale = float(np.float32((high - low) / ACTIVATION_LEVELS))
    return Scale(scale, int(np.clip(round(-low / scale), 0, ACTIVATION_LEVELS)))


class _ActivationRounding(torch.autograd.Function):  # type: ignore[misc] # torch is not where mypy runs
    """Rounds as QuantizeLinear does; gradients pass where nothing was cut off.

    Six times as fast as torch's own fake quantization of a tensor, which runs on one thread (2.x, CPU).
    """

    @staticmethod
    def forward(context: FunctionCtx, value: Tensor, scale: float, zero: int) -> Tensor:
        levels = torch.round(value / scale).add_(zero)
        context.save_for_backward((levels >= 0) & (levels <= ACTIVATION_LEVELS))
        return levels.clamp_(0, ACTIVATION_LEVELS).sub_(zero).mul_(scale)

    @staticmethod
    def backward(context: FunctionCtx, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (inside,) = context.saved_tensors
        return gradients[0] * inside, None, None


def _rounded(value: Tensor, scale: Scale) -> Tensor:
    return _ActivationRounding.apply(value, scale.scale, scale.zero)


def _least_squares(one: Observed, sample: Tensor) -> Scale:
    """Shrink the range as long as finer steps win more than cut-off values lose."""
    candidates = [_scale(one.low * share, one.high * share) for share in np.linspace(0.2, 1.0, 41).tolist()]
    errors = [float((_rounded(sample, scale) - sample).square().mean()) for scale in candidates]
    return candidates[int(np.argmin(errors))]


def activation_scales(seen: dict[str, Observed], method: str) -> dict[str, Scale]:
    """Turn observations into scales by one of `METHODS`."""
    scales: dict[str, Scale] = {}
    for name, one in seen.items():
        sample = torch.cat(one.sample)
        if method == "min-max":
            scales[name] = _scale(one.low, one.high)
        elif method == "percentile":
            low, high = np.percentile(sample.numpy(), [0.005, 99.995])
            scales[name] = _scale(float(low), float(high))
        elif method == "least-squares":
            scales[name] = _least_squares(one, sample)
        else:
            raise ValueError(f"calibration method must be one of {METHODS}, got {method!r}")
    return scales


def weight_scales(weight: Tensor) -> Tensor:
    """Give one scale for each output channel (row) of a weight matrix."""
    return weight.detach().abs().amax(1).clamp_min(1e-8) / WEIGHT_LIMIT


def integer_weight(weight: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Round a weight matrix (outputs, inputs) to int8 in -64..64: the integers and the scales (outputs,)."""
    scales = weight_scales(weight)
    integers = torch.clamp(torch.round(weight.detach() / scales[:, None]), -WEIGHT_LIMIT, WEIGHT_LIMIT)
    return integers.to(torch.int8).numpy(), scales.numpy().astype(np.float32)


def rounding_taps(scales: dict[str, Scale]) -> tuple[Tap, Tap]:
    """Give taps that round as the integer graph will, with gradients passed straight through."""

    def activation(name: str, value: Tensor) -> Tensor:
        return _rounded(value, scales[name])

    def weight(name: str, value: Tensor) -> Tensor:
        scales = weight_scales(value)[:, None]
        rounded = torch.round(value.detach() / scales).mul_(scales)
        return value + (rounded - value.detach())

    return activation, weight


def integer_words(table: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Round the embedding table to int8 with one scale a word: the integers (words, 384) and scales (words, 1)."""
    scales = table.abs().amax(1, keepdim=True).clamp_min(1e-8) / 127
    integers = torch.clamp(torch.round(table / scales), -127, 127)
    return integers.to(torch.int8).numpy(), scales.numpy().astype(np.float32)


def round_words(parameters: Parameters) -> None:
    """Replace the embedding table by what its int8 form means, so that training already sees it."""
    integers, scales = integer_words(parameters["embedding.words"])
    parameters["embedding.words"] = torch.from_numpy(integers.astype(np.float32) * scales)
