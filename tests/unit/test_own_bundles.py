"""Bundles of one's own rows: each kind loads once, pickles as path and digest, and serves only with its own answers."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from models.bundle import CARD, BundleRefused, seal_card
from models.model_handle import ModelHandle
from models.multivariate_model import MultivariateModel
from models.record_model import RecordModel
from models.sequence_model import SequenceModel
from tests.tiny_multivariate_bundle import write_tiny_multivariate_bundle
from tests.tiny_record_bundle import write_tiny_record_bundle
from tests.tiny_sequence_bundle import write_tiny_sequence_bundle

Write = Callable[[Path], Path]
KINDS: list[tuple[type[ModelHandle[Any]], Write, str]] = [
    (MultivariateModel, write_tiny_multivariate_bundle, "multivariate.json"),
    (RecordModel, write_tiny_record_bundle, "records.json"),
    (SequenceModel, write_tiny_sequence_bundle, "sequences.json"),
]


def change_card(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    card = orjson.loads((folder / CARD).read_bytes())
    change(card)
    (folder / CARD).write_bytes(orjson.dumps(card))
    seal_card(folder)


@pytest.mark.parametrize(("kind", "write", "facts"), KINDS)
def test_is_loaded_once_and_pickled_as_path_and_digest(
    tmp_path: Path, kind: type[ModelHandle[Any]], write: Write, facts: str
) -> None:
    model = kind(write(tmp_path))
    data = pickle.dumps(model)
    again = pickle.loads(data)
    assert len(data) < 1_000 and type(again) is kind
    assert again == model and hash(again) == hash(model)
    assert again.loaded() is model.loaded()
    change_card(model.path, lambda card: card.update(version="1.0.1"))
    assert kind(model.path) != model
    with pytest.raises(BundleRefused, match="it was changed meanwhile"):
        pickle.loads(data)


@pytest.mark.parametrize(("kind", "write", "facts"), KINDS)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda card, facts: card.update(golden=[]), "expected golden examples on the card, got none"),
        (lambda card, facts: card.update(golden=[{}]), r"a golden \w+ cannot be read: KeyError"),
        (lambda card, facts: card["files"].pop(facts), r"expected the file \w+\.json, got model\.onnx"),
        (lambda card, facts: card.update(task="text"), r"expected the task \w+, got text"),
    ],
)
def test_a_bundle_that_is_not_whole_is_refused(
    tmp_path: Path,
    kind: type[ModelHandle[Any]],
    write: Write,
    facts: str,
    change: Callable[[dict[str, Any], str], object],
    said: str,
) -> None:
    folder = write(tmp_path)
    change_card(folder, lambda card: change(card, facts))
    with pytest.raises(BundleRefused, match=said):
        kind(folder).load()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda answers: answers.pop(), "golden stretch 0: expected 12 answers, got 13"),
        (lambda answers: answers[12].__setitem__(0, 0.5), r"golden stretch 0, answer 12: expected \[0\.5, "),
    ],
)
def test_the_answer_that_differs_is_named(
    tmp_path: Path, change: Callable[[list[list[object]]], object], said: str
) -> None:
    folder = write_tiny_multivariate_bundle(tmp_path)
    change_card(folder, lambda card: change(card["golden"][0]["answers"]))
    with pytest.raises(BundleRefused, match=said):
        MultivariateModel(folder).load()
