"""`hubbub models`: list, show, verify, compare, on the shipped bundles and on one that differs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from models.bundle import open_bundle
from models.find_bundle import shipped_bundles
from models.loaded_text import LoadedText, golden_answers
from tests.tiny_text_bundle import GOLDEN, HEADS, write_card, write_tiny_text_bundle

Hubbub = Callable[..., Any]
TEXTS = [*GOLDEN, "hot fan", "cold door", "water leak in the port", "please come", "坏了", "谢谢"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_text_bundle(tmp_path_factory.mktemp("models") / "tiny-text")


@pytest.fixture(scope="module")
def other(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same bundle with other weights: a candidate for the first one's place."""
    folder = tmp_path_factory.mktemp("models") / "other-text"
    shutil.copytree(tiny, folder)
    graph = onnx.load(folder / "model.onnx")
    for weight in graph.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype == np.float32 and values.size > 50:
            weight.CopyFrom(numpy_helper.from_array(values[::-1].copy(), weight.name))
    onnx.save(graph, folder / "model.onnx")
    write_card(folder, name="other-text")
    write_card(folder, name="other-text", golden=golden_answers(LoadedText(open_bundle(folder), threads=1), GOLDEN))
    return folder


@pytest.fixture
def messages(tmp_path: Path) -> Path:
    file = tmp_path / "messages.jsonl"
    lines = [json.dumps({"text": text, "language": "en"}) for text in TEXTS]
    file.write_text("\n".join([*lines, "no JSON"]) + "\n", encoding="utf-8")
    return file


def test_list_names_what_commands_use(hubbub: Hubbub, tiny: Path, tmp_path: Path) -> None:
    """The shipped bundles; one that settings put in a place is listed under the name that it serves under."""
    (tmp_path / "hubbub.toml").write_text(f'[models]\ntext-enzh = "{tiny}"\n', encoding="utf-8")
    rows = {row["name"]: row for row in map(json.loads, hubbub("models", "list", "--json").lines)}
    assert set(rows) == set(shipped_bundles())
    assert (rows["text-enzh"]["model"], rows["text-enzh"]["from"]) == ("tiny-text", "settings")
    assert rows["telemetry-level"]["from"] == "shipped"
    table = hubbub("models", "list")
    assert (table.status, table.lines[0].split()) == (0, ["NAME", "MODEL", "TASK", "SIZE", "FROM", "FOLDER"])
    assert len(table.lines) == 1 + len(rows)


def test_show_tells_the_card(hubbub: Hubbub, tiny: Path) -> None:
    answer = hubbub("models", "show", tiny)
    assert answer.status == 0
    assert answer.lines[0] == "tiny-text 1.0.0: task text"
    assert all(f"  {head}: {', '.join(labels)}" in answer.lines for head, labels in HEADS.items())
    card = json.loads(hubbub("models", "show", tiny, "--json").out)["card"]
    assert card["name"] == "tiny-text"


def test_verify_holds_what_is_shipped(hubbub: Hubbub) -> None:
    answer = hubbub("models", "verify")
    assert answer.status == 0
    assert len(answer.lines) == len(shipped_bundles())
    assert all(": holds, " in line for line in answer.lines)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "card.json"])
def test_verify_refuses_a_flipped_bit(hubbub: Hubbub, tiny: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "flipped"
    shutil.copytree(tiny, folder)
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    answer = hubbub("models", "verify", folder, tiny, "--json")
    assert answer.status == 1
    flipped, whole = map(json.loads, answer.lines)
    assert (flipped["holds"], whole["holds"]) == (False, True)
    assert name in flipped["refused"]


def test_a_model_is_as_itself(hubbub: Hubbub, tiny: Path, messages: Path) -> None:
    answer = hubbub("models", "compare", tiny, tiny, messages, "--json")
    assert answer.status == 0
    found = json.loads(answer.out)
    assert (found["lines"], found["unread"], found["same"]) == (len(TEXTS) + 1, 1, True)
    assert set(found["answers"]) == {"language", "sentiment", "topic", "urgency"}
    assert all(one["flipped"] == 0 and one["largest_score_change"] == 0 for one in found["answers"].values())


def test_compare_counts_the_labels_that_flip(hubbub: Hubbub, tiny: Path, other: Path, messages: Path) -> None:
    """What it counts is what `score` says of each line; the status says whether that is more than the tolerance."""
    answer = hubbub("models", "compare", tiny, other, messages, "--json")
    found = json.loads(answer.out)
    said = [
        [json.loads(line) for line in hubbub("score", "messages", "--model", one, stdin=messages.read_bytes()).lines]
        for one in (tiny, other)
    ]
    for name, one in found["answers"].items():
        flips = [a[name]["label"] != b[name]["label"] for a, b in zip(*said, strict=True) if "error" not in a]
        assert (one["compared"], one["flipped"]) == (len(flips), sum(flips)), name
        assert sum(flip["lines"] for flip in one["flips"]) == one["flipped"]
    assert any(one["flipped"] for one in found["answers"].values())
    assert answer.status == 1
    assert all(speed > 0 for speed in found["lines_per_s"])
    tolerant = hubbub("models", "compare", tiny, other, messages, "--tolerance", "1")
    assert tolerant.status == 0
    assert tolerant.lines[0].startswith("ANSWER")


def test_labels_decide_whether_a_model_may_be_replaced(hubbub: Hubbub, tiny: Path, other: Path, tmp_path: Path) -> None:
    """The first model's own answers as truth: it is always right, and the second where it says the same."""
    plain, labelled = tmp_path / "plain.jsonl", tmp_path / "labelled.jsonl"
    plain.write_text("".join(json.dumps({"text": text, "language": "en"}) + "\n" for text in TEXTS))
    asked = [hubbub("score", "messages", "--model", one, stdin=plain.read_bytes()).lines for one in (tiny, other)]
    said = [
        [text, *(json.loads(line)["sentiment"]["label"] for line in lines)]
        for text, *lines in zip(TEXTS, *asked, strict=True)
        if json.loads(lines[0]).get("sentiment")
    ]
    rows: list[dict[str, object]] = [{"text": text, "language": "en", "sentiment": first} for text, first, _ in said]
    rows[0] = {"text": said[0][0], "language": "en", "expected": {"sentiment": said[0][1]}}
    labelled.write_text("".join(json.dumps(row) + "\n" for row in rows))
    answer = hubbub("models", "compare", tiny, other, "--data", labelled, "--json")
    judged = json.loads(answer.out)["judged"]["sentiment"]
    agreed = sum(first == second for _, first, second in said)
    assert judged["accuracy"] == [1.0, pytest.approx(agreed / len(said), abs=1e-6)]
    assert (len(judged["lost"]), judged["won"]) == (len(said) - agreed, [])
    assert 0 < agreed < len(said)
    assert answer.status == 1
    # The other way round it can only win.
    won = hubbub("models", "compare", other, tiny, "--data", labelled)
    assert (won.status, "LABELLED" in won.out) == (0, True)
    labelled.write_text(json.dumps({"text": "hot fan", "topic": "weather"}))
    refused = hubbub("models", "compare", tiny, other, "--data", labelled)
    assert (refused.status, "line 1: expected topic one of" in refused.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "nobody"], "no model bundle is named 'nobody'"),
        (["verify", "./nobody"], "there is no such folder"),
        (["compare", "text-enzh", "telemetry-level", "x"], "expected two models of one task"),
        (["compare", "telemetry-level", "telemetry-level", "--task", "logs", "x"], "expected a task that models for"),
        (["compare", "text-enzh", "text-enzh", "none.jsonl"], "none.jsonl: No such file or directory"),
    ],
)
def test_wrong_use_is_one_sentence(hubbub: Hubbub, arguments: list[str], said: str) -> None:
    answer = hubbub("models", *arguments)
    # A bundle that is to be verified and is not there does not hold: that is an answer, not wrong use.
    assert answer.status == (1 if arguments[0] == "verify" else 2)
    assert said in (answer.out if arguments[0] == "verify" else answer.err)
