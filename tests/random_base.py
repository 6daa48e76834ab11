"""A base encoder of random weights in the form that training reads: twelve layers, a few words, made in a second."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

LAYERS, HIDDEN, WIDE, POSITIONS = 12, 384, 1536, 514
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


def write_random_base(folder: Path, words: list[str], seed: int) -> None:
    """Write `model.safetensors` and `tokenizer.json`, whose pieces are the words, letters and digits."""
    folder.mkdir(parents=True)
    letters = [chr(code) for code in (*range(ord("a"), ord("z") + 1), *range(ord("0"), ord("9") + 1))]
    pieces = [*SPECIAL, *(f"\u2581{word}" for word in words), "\u2581", *letters]
    (folder / "tokenizer.json").write_text(json.dumps(_tokenizer(pieces)), encoding="utf-8")
    source = np.random.default_rng(seed)
    _write_safetensors(folder / "model.safetensors", _weights(source, len(pieces)))


def _tokenizer(pieces: list[str]) -> dict[str, object]:
    added = [
        {"id": at, "content": one, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
        | {"special": True}
        for at, one in enumerate(SPECIAL)
    ]
    start, end = ({"SpecialToken": {"id": one, "type_id": 0}} for one in ("<s>", "</s>"))
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": {"type": "NFKC"},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [start, {"Sequence": {"id": "A", "type_id": 0}}, end],
            "pair": [start, {"Sequence": {"id": "A", "type_id": 0}}, end, {"Sequence": {"id": "B", "type_id": 0}}, end],
            "special_tokens": {
                one: {"id": one, "ids": [SPECIAL.index(one)], "tokens": [one]} for one in ("<s>", "</s>")
            },
        },
        "decoder": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
        "model": {
            "type": "Unigram",
            "unk_id": 3,
            "byte_fallback": False,
            "vocab": [[one, 0.0 if one in SPECIAL else -3.0 - at / 10] for at, one in enumerate(pieces)],
        },
    }


def _weights(source: np.random.Generator, pieces: int) -> dict[str, np.ndarray]:
    def some(*shape: int) -> np.ndarray:
        return source.normal(0, 0.05, shape).astype(np.float32)

    def norm(name: str) -> dict[str, np.ndarray]:
        return {f"{name}.weight": np.ones(HIDDEN, np.float32), f"{name}.bias": np.zeros(HIDDEN, np.float32)}

    found = {
        "embeddings.word_embeddings.weight": source.normal(0, 1, (pieces, HIDDEN)).astype(np.float32),
        "embeddings.position_embeddings.weight": some(POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": some(2, HIDDEN),
        **norm("embeddings.LayerNorm"),
    }
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        products = {f"attention.self.{one}": (HIDDEN, HIDDEN) for one in ("query", "key", "value")}
        products |= {"attention.output.dense": (HIDDEN, HIDDEN), "intermediate.dense": (WIDE, HIDDEN)}
        products["output.dense"] = (HIDDEN, WIDE)
        for name, shape in products.items():
            found |= {f"{at}.{name}.weight": some(*shape), f"{at}.{name}.bias": np.zeros(shape[0], np.float32)}
        found |= norm(f"{at}.attention.output.LayerNorm") | norm(f"{at}.output.LayerNorm")
    return found


def _write_safetensors(path: Path, tensors: dict[str, np.ndarray]) -> None:
    """Write the format of safetensors: length of the header, header in JSON, then the bytes of one after the other."""
    header: dict[str, object] = {}
    end = 0
    for name, value in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [end, end + value.nbytes]}
        end += value.nbytes
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for value in tensors.values():
            file.write(value.tobytes())
