"""Same text, same answer, bit for bit: whatever its batch, its order, its repetitions, the threads and the cache.

Runs on the miniature bundle, and on the shipped one where it is installed.
"""

from __future__ import annotations

import math
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.bundle import BundleRefused, open_bundle, seal_card
from models.find_bundle import shipped_bundles
from models.loaded_text import MOST_CHARACTERS, LoadedText, golden_answers
from models.text_answers import TextAnswers
from models.text_model import SHIPPED_TEXT_MODEL, TextModel
from tests.tiny_text_bundle import write_card, write_tiny_text_bundle

TEXTS = (
    "The lock has been beeping since noon",
    "fire",
    "空调漏水了，请马上来人",
    "dhcpd: link down on port 4",
    "E-21 High discharge pressure, compressor 3 stopped after 4 attempts; please send somebody as soon as you can",
    "a\nb\tc",
    "!",
    "🙂🙂",
    "x" * 5_000,
    "the door " * 40,
    "冷" * 300,
    "<pad></s><s>",
    "\x00",
)
SLOW = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_text_bundle(tmp_path_factory.mktemp("models") / "tiny-text")


@pytest.fixture(scope="module", params=["tiny", "shipped"])
def folder(request: pytest.FixtureRequest, tiny: Path) -> Path:
    if request.param == "tiny":
        return tiny
    return shipped_bundles()[SHIPPED_TEXT_MODEL]


@pytest.fixture(scope="module")
def alone(folder: Path) -> dict[str, bytes]:
    """Each text's answer when it is the only one, on one thread."""
    model = TextModel(folder, threads=1, cache_bytes=0)
    return {text: bits(model.predict([text]), 0) for text in TEXTS}


def bits(answers: TextAnswers, row: int) -> bytes:
    return b"".join(answers.probabilities[head][row].tobytes() for head in sorted(answers.probabilities))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("cache_bytes", [0, 2**20])
def test_company_order_and_repetition_change_no_bit(
    folder: Path, alone: dict[str, bytes], threads: int, cache_bytes: int
) -> None:
    model = TextModel(folder, threads=threads, cache_bytes=cache_bytes)

    @SLOW
    @given(st.lists(st.sampled_from(TEXTS), max_size=24))
    def check(texts: list[str]) -> None:
        answers = model.predict(texts)
        assert [bits(answers, row) for row in range(len(texts))] == [alone[text] for text in texts]

    check()


def test_explaining_changes_no_answer_and_the_words_are_the_texts_own(folder: Path, alone: dict[str, bytes]) -> None:
    model = TextModel(folder)
    plain = model.predict(TEXTS)
    explained = model.predict(TEXTS, explain=("topic", "urgency"))
    for row, text in enumerate(TEXTS):
        assert bits(plain, row) == bits(explained, row) == alone[text]
        for head in ("topic", "urgency"):
            words = explained.words[head][row]
            assert len(words) <= 3
            assert all(word and word in text for word in words)
    assert explained.words["topic"] == model.predict(TEXTS, explain=("topic",)).words["topic"]
    labels = [explained.labels["topic"][best] for best in explained.best("topic")]
    assert model.words(TEXTS, "topic", labels) == explained.words["topic"]


def test_probabilities_are_six_decimals_that_sum_to_one(folder: Path) -> None:
    answers = TextModel(folder).predict(TEXTS)
    for head, labels in answers.labels.items():
        table = answers.probabilities[head]
        assert table.shape == (len(TEXTS), len(labels))
        assert np.array_equal(np.round(table, 6), table)
        assert np.allclose(table.sum(axis=1), 1, atol=1e-6 * len(labels))


def test_no_words_no_answer(folder: Path) -> None:
    answers = TextModel(folder).predict([None, "", " \n\u3000", "fire"])
    assert answers.present.tolist() == [False, False, False, True]
    assert all(math.isnan(value) for table in answers.probabilities.values() for value in table[:3].ravel())
    assert TextModel(folder).predict([]).present.tolist() == []


def test_what_is_far_behind_is_not_read(folder: Path) -> None:
    model = TextModel(folder)
    long = "the door " * 1_000
    assert len(long) > MOST_CHARACTERS
    answers = model.predict([long, long + "fire " * 200_000])
    assert bits(answers, 0) == bits(answers, 1)


def test_loads_once_a_process(folder: Path) -> None:
    models = [TextModel(folder) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        identities = set(threads.map(lambda model: model.identity, models))
    assert len(identities) == 1
    assert len({id(model.loaded()) for model in models}) == 1


def test_pickles_as_path_and_digest(folder: Path) -> None:
    model = TextModel(folder)
    model.load()
    data = pickle.dumps(model)
    assert len(data) < 1_000
    again = pickle.loads(data)
    assert again == model
    assert hash(again) == hash(model)
    assert bits(again.predict(["fire"]), 0) == bits(model.predict(["fire"]), 0)


def test_is_not_unpickled_where_other_bytes_lie(tiny: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny, copy)
    data = pickle.dumps(TextModel(copy))
    write_card(copy, version="1.0.1")
    with pytest.raises(BundleRefused, match=r"expected the digest .* it was changed meanwhile"):
        pickle.loads(data)


def test_does_not_load_what_was_changed_since_it_was_made(tiny: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny, copy)
    model = TextModel(copy)
    with (copy / "card.json").open("a", encoding="utf-8") as card:
        card.write("\n")
    seal_card(copy)
    with pytest.raises(BundleRefused, match="it was changed meanwhile"):
        model.load()


def test_serves_from_the_bytes_that_were_verified(tiny: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny, copy)
    bundle = open_bundle(copy)
    shutil.rmtree(copy)
    assert golden_answers(LoadedText(bundle), [str(one["text"]) for one in bundle.card.golden]) == list(
        bundle.card.golden
    )
