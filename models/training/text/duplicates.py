"""Drop training rows that nearly repeat a row of dev or of the rows set aside.

Nearness is the cosine of the base encoder's own sentence vectors, all its layers, before any fine-tuning.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from tokenizers import Tokenizer

from models.training.encoder.network import Parameters, encode, pool
from models.training.encoder.rows import Row
from models.training.text.corpus import Corpus

NEAR = 0.97


def sentence_vectors(parameters: Parameters, tokenizer: Tokenizer, texts: list[str], batch: int = 32) -> torch.Tensor:
    """Embed each text to a unit vector: (texts, 384)."""
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    vectors = torch.zeros(len(texts), parameters["embedding.words"].shape[1])
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        encodings = tokenizer.encode_batch([texts[index] for index in chosen])
        width = max(len(encoding.ids) for encoding in encodings)
        ids = torch.ones(len(chosen), width, dtype=torch.long)
        mask = torch.zeros(len(chosen), width, dtype=torch.long)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = torch.tensor(encoding.ids)
            mask[row, : len(encoding.ids)] = 1
        with torch.no_grad():
            vectors[chosen] = pool(encode(parameters, ids, mask), mask)
    return torch.nn.functional.normalize(vectors)


def drop_near_duplicates(corpus: Corpus, parameters: Parameters, tokenizer: Tokenizer) -> Corpus:
    """Remove own training rows within `NEAR` of a held-out own row, and count them by source."""
    own = [row for row in corpus.train if row.own]
    held_out = corpus.dev + corpus.set_aside
    ours = sentence_vectors(parameters, tokenizer, [row.text for row in own])
    theirs = sentence_vectors(parameters, tokenizer, [row.text for row in held_out])
    nearest = (ours @ theirs.T).max(1).values if held_out else torch.zeros(len(own))
    near: list[Row] = [row for row, cosine in zip(own, nearest.tolist(), strict=True) if cosine >= NEAR]
    dropped: dict[str, int] = {}
    for row in near:
        dropped[row.source] = dropped.get(row.source, 0) + 1
    gone = {id(row) for row in near}
    return replace(corpus, train=[row for row in corpus.train if id(row) not in gone], dropped=dropped)
