"""Ask an ONNX file of this package for its answers, by the same rule as the run time.

The rule: cut at 128 tokens, pad each text to the edge of its own length bucket; probability =
softmax(logits / temperature) in float64, rounded to six decimals.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.length_buckets import group_by_length
from models.loaded_text import TOKENS_PER_RUN
from models.side_by_side import SideBySide
from models.training.encoder.rows import Heads, columns_of_heads

MAX_TOKENS = 128
# A text is padded by three tokens at most: edges that double cost a third of all work for padding (messages, measured),
# and a run of a few texts is nearly as fast a text as one of many.
BUCKETS = tuple(range(4, MAX_TOKENS + 1, 4))
PADDING = 1
DECIMALS = 6


def open_session(path: Path, threads: int = 1, optimized: Path | None = None) -> onnxruntime.InferenceSession:
    """Load a model with all optimizations; `optimized` also writes down the graph that will really run."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    if optimized is not None:
        options.optimized_model_filepath = str(optimized)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def token_lists(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    """Cut texts into token ids, at most `MAX_TOKENS` each."""
    tokenizer.enable_truncation(MAX_TOKENS)
    lists = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    tokenizer.no_truncation()
    return lists


def bucket_of(length: int) -> int:
    """Give the edge of the bucket that a text of `length` tokens belongs to."""
    return next(edge for edge in BUCKETS if length <= edge)


def run(session: onnxruntime.InferenceSession, rows: list[list[int]], output: str = "logits") -> np.ndarray:
    """Run texts of one bucket in one go."""
    edge = bucket_of(max(len(row) for row in rows))
    ids = np.full((len(rows), edge), PADDING, dtype=np.int64)
    mask = np.zeros((len(rows), edge), dtype=np.int64)
    for at, row in enumerate(rows):
        ids[at, : len(row)] = row
        mask[at, : len(row)] = 1
    answer: np.ndarray = session.run([output], {"input_ids": ids, "attention_mask": mask})[0]
    return answer


def logits_of(
    session: onnxruntime.InferenceSession, tokenizer: Tokenizer, texts: list[str], runs_at_once: int = 2
) -> np.ndarray:
    """Give the logits of all heads, float32 (texts, labels)."""
    lists = token_lists(tokenizer, texts)
    labels = next(output.shape[-1] for output in session.get_outputs() if output.name == "logits")
    logits = np.zeros((len(texts), labels), dtype=np.float32)

    def answered(chosen: NDArray[np.int64]) -> np.ndarray:
        return run(session, [lists[at] for at in chosen])

    runs = group_by_length([len(row) for row in lists], BUCKETS, TOKENS_PER_RUN)
    for chosen, answers in SideBySide(answered, runs_at_once)(one.members for one in runs):
        logits[chosen] = answers
    return logits


def probabilities(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Turn one head's logits into probabilities, float64 with six decimals."""
    scaled = logits.astype(np.float64) / temperature
    raised = np.exp(scaled - scaled.max(-1, keepdims=True))
    result: np.ndarray = np.round(raised / raised.sum(-1, keepdims=True), DECIMALS)
    return result


def labels_and_scores(
    logits: np.ndarray, heads: Heads, temperatures: dict[str, float]
) -> list[dict[str, dict[str, object]]]:
    """Give every head's label and score for each row of `logits`."""
    answers: list[dict[str, dict[str, object]]] = [{} for _ in logits]
    for head, columns in columns_of_heads(heads).items():
        chances = probabilities(logits[:, columns], temperatures[head])
        for answer, row in zip(answers, chances, strict=True):
            best = int(row.argmax())
            answer[head] = {"label": heads[head][best], "score": float(row[best])}
    return answers
