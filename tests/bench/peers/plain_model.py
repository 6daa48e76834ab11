"""The shipped text model as somebody without hubbub would call it: tokenize, pad to the longest, run, softmax."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

BUNDLE = Path(__file__).parents[3] / "models" / "bundles" / "text-enzh"
HEADS = ("language", "sentiment", "topic", "urgency")
MAX_TOKENS = 128


class PlainModel:
    """Answers texts with the labels and scores of a customer message."""

    def __init__(self) -> None:
        """Load the ONNX file and the tokenizer."""
        card = json.loads((BUNDLE / "card.json").read_text(encoding="utf-8"))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(BUNDLE / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(BUNDLE / "tokenizer.json"))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.enable_padding(pad_id=1)
        self._columns: dict[str, tuple[slice, list[str]]] = {}
        start = 0
        for head in card["heads"]:
            self._columns[head["name"]] = (slice(start, start + len(head["labels"])), head["labels"])
            start += len(head["labels"])

    def answer(self, texts: list[str]) -> list[dict[str, Any]]:
        """Answer texts in one run."""
        encoded = self._tokenizer.encode_batch(texts)
        feeds = {
            "input_ids": np.array([one.ids for one in encoded], dtype=np.int64),
            "attention_mask": np.array([one.attention_mask for one in encoded], dtype=np.int64),
        }
        logits = self._session.run(["logits"], feeds)[0]
        answers: list[dict[str, Any]] = [{} for _ in texts]
        for head in HEADS:
            columns, labels = self._columns[head]
            raised = np.exp(logits[:, columns] - logits[:, columns].max(1, keepdims=True))
            chances = raised / raised.sum(1, keepdims=True)
            for answer, row in zip(answers, chances, strict=True):
                best = int(row.argmax())
                answer[head] = {"label": labels[best], "score": float(row[best])}
        return answers
