"""Check that a text's answer does not depend on its company: same bits for any batch, order and thread count."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import onnx
from tokenizers import Tokenizer

from models.training.encoder.answers import BUCKETS, bucket_of, open_session, run, token_lists


def assert_integer_products(path: Path, scratch: Path, products: int) -> dict[str, int]:
    """Load the model, look at the graph that ONNX Runtime will really run, and count its integer products.

    An optimizer that folds the integers back to floats leaves a graph that works and is slow: this raises then.
    """
    open_session(path, optimized=scratch)
    kinds = [node.op_type for node in onnx.load(scratch, load_external_data=False).graph.node]
    counts = {kind: kinds.count(kind) for kind in ("QuantizeLinear", "QGemm")}
    if counts["QGemm"] != products or counts["QuantizeLinear"] < products:
        raise AssertionError(f"expected {products} quantized products after optimization, got {counts}")
    return counts


def unequal_answers(path: Path, tokenizer: Tokenizer, texts: list[str], seed: int) -> int:
    """Count texts whose logits differ in any bit between batch sizes, orders or thread counts."""
    lists = token_lists(tokenizer, texts)
    first: dict[int, bytes] = {}
    unequal: set[int] = set()
    source = random.Random(seed)
    for threads in (1, 2):
        session = open_session(path, threads)
        for size in (1, 2, 3, 7, 32):
            order = source.sample(range(len(lists)), len(lists))
            for edge in BUCKETS:
                members = [at for at in order if bucket_of(len(lists[at])) == edge]
                for start in range(0, len(members), size):
                    chosen = members[start : start + size]
                    logits: np.ndarray = run(session, [lists[at] for at in chosen])
                    for at, row in zip(chosen, logits, strict=True):
                        if first.setdefault(at, row.tobytes()) != row.tobytes():
                            unequal.add(at)
    return len(unequal)
