"""Trim the tokenizer to the pieces that are worth their bytes in the embedding table.

Kept: special tokens, single characters, every piece met in the texts at hand, then the most probable pieces up to the
wanted size. A unigram tokenizer takes the most probable way to cut a text; removing pieces that no text at hand uses
leaves those ways the best ones, so seen texts keep their tokens exactly (checked by `check_same_pieces`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenizers import Tokenizer

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
MASK = "<mask>"
WORD_START = "\u2581"


def trim(tokenizer_file: Path, texts: Iterable[str], size: int) -> tuple[str, list[int]]:
    """Give the trimmed tokenizer.json and, for each of its pieces, the row of the base embedding table.

    `<mask>` leaves: nothing here predicts words.
    """
    description = json.loads(tokenizer_file.read_text(encoding="utf-8"))
    whole = Tokenizer.from_file(str(tokenizer_file))
    pieces: list[list[object]] = description["model"]["vocab"]
    kept = {index for index, (piece, _) in enumerate(pieces) if piece in SPECIAL}
    for encoding in _encoded(whole, texts):
        kept.update(encoding)
    for index, (piece, _) in enumerate(pieces):
        if len(str(piece).removeprefix(WORD_START)) <= 1:
            kept.add(index)
    mask = {index for index, (piece, _) in enumerate(pieces) if piece == MASK}
    kept -= mask
    if len(kept) > size:
        raise ValueError(f"{len(kept)} pieces are met in the texts, more than the wanted size {size}")
    # The table is sorted by falling probability, so the first ones are the most probable.
    for index in range(len(pieces)):
        if len(kept) == size:
            break
        if index not in mask:
            kept.add(index)
    rows = sorted(kept)
    description["model"]["vocab"] = [pieces[index] for index in rows]
    description["added_tokens"] = [token for token in description["added_tokens"] if token["content"] != MASK]
    for token in description["added_tokens"]:
        token["id"] = rows.index(token["id"])
    description["model"]["unk_id"] = rows.index(description["model"]["unk_id"])
    description["truncation"] = description["padding"] = None
    return json.dumps(description, ensure_ascii=False, separators=(",", ":")), rows


def _encoded(tokenizer: Tokenizer, texts: Iterable[str], chunk: int = 4096) -> Iterator[list[int]]:
    waiting: list[str] = []
    for text in texts:
        waiting.append(text)
        if len(waiting) == chunk:
            yield from (encoding.ids for encoding in tokenizer.encode_batch_fast(waiting))
            waiting = []
    yield from (encoding.ids for encoding in tokenizer.encode_batch_fast(waiting))


def check_same_pieces(before: Tokenizer, after: Tokenizer, texts: list[str]) -> int:
    """Count the texts that the trimmed tokenizer cuts otherwise than the whole one."""
    pairs = zip(before.encode_batch(texts), after.encode_batch(texts), strict=True)
    return sum(one.tokens != other.tokens for one, other in pairs)
