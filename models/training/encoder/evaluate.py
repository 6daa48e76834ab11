"""What the encoder answers while it still is tensors."""

from __future__ import annotations

import torch
from tokenizers import Tokenizer
from torch import Tensor

from models.training.encoder.network import Parameters, Tap, as_it_is, classify, encode, pool

TOKENS_PER_RUN = 4096


def logits_of_texts(
    parameters: Parameters,
    tokenizer: Tokenizer,
    texts: list[str],
    *,
    truncate_at: int = 128,
    tap: Tap = as_it_is,
    weight_tap: Tap = as_it_is,
) -> Tensor:
    """Give the logits (texts, labels) of texts cut at `truncate_at` tokens, texts of like length run together."""
    tokenizer.enable_truncation(truncate_at)
    ids = [encoding.ids for encoding in tokenizer.encode_batch_fast(texts)]
    order = sorted(range(len(texts)), key=lambda at: len(ids[at]))
    logits = torch.zeros(len(texts), len(parameters["head.bias"]))
    start = 0
    with torch.no_grad():
        while start < len(order):
            end = start + 1
            while end < len(order) and len(ids[order[end]]) * (end + 1 - start) <= TOKENS_PER_RUN:
                end += 1
            chosen = order[start:end]
            padded = torch.ones(len(chosen), len(ids[chosen[-1]]), dtype=torch.long)
            mask = torch.zeros_like(padded)
            for row, at in enumerate(chosen):
                padded[row, : len(ids[at])] = torch.tensor(ids[at])
                mask[row, : len(ids[at])] = 1
            hidden = encode(parameters, padded, mask, tap=tap, weight_tap=weight_tap)
            logits[chosen] = classify(parameters, pool(hidden, mask))
            start = end
    return logits
