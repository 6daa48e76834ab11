"""What the card of every bundle around this encoder says: its graph's inputs and outputs, and how it is run."""

from __future__ import annotations

import onnxruntime

from models.training.encoder.answers import BUCKETS, MAX_TOKENS
from models.training.encoder.network import HIDDEN

FILES = ("model.onnx", "tokenizer.json")
# One row alone has the same bits as many: `unequal_answers` checks it of each bundle.
FEWEST_ROWS = 1


def graph_of(labels: int) -> dict[str, object]:
    """Describe the graph that `write_graph` writes, with logits of so many labels."""
    return {
        "inputs": [
            {"name": name, "type": "int64", "shape": ["rows", "tokens"]} for name in ("input_ids", "attention_mask")
        ],
        "outputs": [
            {"name": "logits", "type": "float32", "shape": ["rows", labels]},
            {"name": "token_logits", "type": "float32", "shape": ["rows", "tokens", labels]},
            {"name": "embedding", "type": "float32", "shape": ["rows", HIDDEN]},
        ],
        "max_tokens": MAX_TOKENS,
        "buckets": list(BUCKETS),
        "fewest_rows": FEWEST_ROWS,
        "runtime": {"onnxruntime": onnxruntime.__version__, "optimization": "all"},
    }
