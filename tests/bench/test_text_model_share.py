"""How much of a text model's time is the model: predict() against the bare session on the same pre-tokenized runs.

Processor time on one thread, both in turns, the best of each: a busy machine slows both alike. Aim: 0.8.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from models.bundle import open_bundle
from models.find_bundle import shipped_bundles
from models.length_buckets import group_by_length, padded
from models.loaded_text import INPUTS, PADDING, TOKENS_PER_RUN, LoadedText
from models.text_model import SHIPPED_TEXT_MODEL
from tests.bench.workloads import texts

TEXTS = 160
ROUNDS = 3


def processor_seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def test_little_is_spent_around_the_session() -> None:
    loaded = LoadedText(open_bundle(shipped_bundles()[SHIPPED_TEXT_MODEL]), threads=1)
    chosen = list(texts("messages", TEXTS))
    lists = [encoding.ids for encoding in loaded._tokenizer.encode_batch_fast(chosen)]
    runs = [
        dict(zip(INPUTS, padded(lists, run, PADDING, loaded.card.fewest_rows), strict=True))
        for run in group_by_length([len(ids) for ids in lists], loaded.card.buckets, TOKENS_PER_RUN)
    ]
    bare, whole, explained = [], [], []
    for _ in range(ROUNDS):
        bare.append(processor_seconds(lambda: [loaded._session.run(("logits",), feeds) for feeds in runs]))
        whole.append(processor_seconds(lambda: loaded.answer(chosen)))
        explained.append(processor_seconds(lambda: loaded.answer(chosen, ("topic", "urgency"))))
    shares = min(bare) / min(whole), min(bare) / min(explained)
    print(
        f"\n{TEXTS / min(bare):.0f} texts a processor second bare; predict {shares[0]:.2f}, words too {shares[1]:.2f}"
    )
    assert min(shares) >= 0.8
