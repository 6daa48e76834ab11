"""A bundle serves only whole: every byte, every name and every golden example as its card says."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from models.bundle import BundleRefused, open_bundle, seal_card
from models.find_bundle import find_bundle
from models.text_model import TextModel
from tests.tiny_text_bundle import tiny_graph, tiny_tokenizer, write_card, write_tiny_text_bundle

SEED = 20260301


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_text_bundle(tmp_path_factory.mktemp("bundle") / "tiny-text")


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "copy")
    return tmp_path / "copy"


def card_of(folder: Path) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    return card


def change_card(folder: Path, **changes: object) -> None:
    """Change the card and seal it again: what is wrong then is not its hash."""
    (folder / "card.json").write_text(json.dumps(card_of(folder) | changes), encoding="utf-8")
    seal_card(folder)


def test_a_whole_bundle_opens(whole: Path) -> None:
    bundle = open_bundle(whole)
    assert bundle.card.name == "tiny-text"
    assert set(bundle.files) == {"model.onnx", "tokenizer.json"}
    assert bundle.graph == (whole / "model.onnx").read_bytes()
    TextModel(whole).load()


def test_identity_stands_for_every_byte_and_the_run_time(copy: Path) -> None:
    before = open_bundle(copy)
    assert before.identity("1.31.0").startswith("tiny-text@1.0.0+")
    assert len(before.identity("1.31.0").rpartition("+")[2]) == 12
    assert before.identity("1.31.0") != before.identity("1.32.0")
    change_card(copy, runtime={"onnxruntime": "1.31.0", "optimization": "basic"})
    assert open_bundle(copy).identity("1.31.0") != before.identity("1.31.0")


def test_any_flipped_bit_is_refused(whole: Path, copy: Path) -> None:
    source = random.Random(SEED)
    names = sorted(path.name for path in whole.iterdir())
    assert names == ["card.json", "card.json.sha256", "model.onnx", "tokenizer.json"]
    for number in range(200):
        name = names[number % len(names)]
        data = bytearray((whole / name).read_bytes())
        data[source.randrange(len(data))] ^= 1 << source.randrange(8)
        (copy / name).write_bytes(data)
        with pytest.raises(BundleRefused):
            open_bundle(copy)
        shutil.copyfile(whole / name, copy / name)
    open_bundle(copy)


def test_any_truncation_is_refused(whole: Path, copy: Path) -> None:
    source = random.Random(SEED)
    names = sorted(path.name for path in whole.iterdir())
    for number in range(20):
        name = names[number % len(names)]
        data = (whole / name).read_bytes()
        (copy / name).write_bytes(data[: source.randrange(len(data))])
        with pytest.raises(BundleRefused):
            open_bundle(copy)
        shutil.copyfile(whole / name, copy / name)
    open_bundle(copy)


@pytest.mark.parametrize("name", ["card.json", "card.json.sha256", "model.onnx", "tokenizer.json"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(BundleRefused, match=f"{name} is missing"):
        open_bundle(copy)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleRefused, match=r"nowhere: there is no such folder"):
        open_bundle(tmp_path / "nowhere")


def test_a_folder_in_place_of_a_file_is_refused(copy: Path) -> None:
    (copy / "tokenizer.json").unlink()
    (copy / "tokenizer.json").mkdir()
    with pytest.raises(BundleRefused, match=r"tokenizer\.json cannot be read"):
        open_bundle(copy)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"task": "poetry"}, "unknown task 'poetry', expected one of"),
        ({"task": "telemetry"}, "expected the task text, got telemetry"),
        ({"files": {"../model.onnx": "0" * 64}}, "expected the name of a file beside the card"),
        ({"files": {}}, r"names no model\.onnx"),
        ({"runtime": {"onnxruntime": "1.31.1", "optimization": "utmost"}}, r"Invalid enum value 'utmost'"),
        ({"heads": [{"name": "topic", "labels": ["a", "a"]}]}, "expected distinct labels"),
        ({"heads": [{"name": "topic", "labels": ["a", "b"], "temperature": 0}]}, "expected a temperature above 0"),
        (
            {"heads": [{"name": "topic", "labels": ["a", "b"]}]},
            "expected the outputs logits and token_logits with 2 labels",
        ),
        ({"buckets": [16, 8]}, "expected rising edges up to max_tokens"),
        ({"version": "1.0 beta"}, "expected letters, digits"),
        ({"golden": []}, "expected golden examples on the card, got none"),
        ({"inputs": []}, "expected the inputs input_ids, attention_mask"),
    ],
)
def test_a_card_that_does_not_fit_is_refused_in_one_sentence(copy: Path, changes: dict[str, object], why: str) -> None:
    change_card(copy, **changes)
    with pytest.raises(BundleRefused, match=why) as refused:
        TextModel(copy).load()
    assert str(copy) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_graph_with_other_inputs_than_the_card_says_is_refused(copy: Path) -> None:
    inputs = [{"name": name, "type": "int32", "shape": ["rows", "tokens"]} for name in ("input_ids", "attention_mask")]
    change_card(copy, inputs=inputs)
    with pytest.raises(BundleRefused, match=r"the card says inputs input_ids int32.*model\.onnx has input_ids int64"):
        TextModel(copy).load()


def test_a_graph_with_weights_elsewhere_is_refused(tmp_path: Path) -> None:
    tiny_tokenizer().save(str(tmp_path / "tokenizer.json"))
    model = tiny_graph(tiny_tokenizer().get_vocab_size())
    onnx.save(model, tmp_path / "model.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    write_card(tmp_path)
    with pytest.raises(BundleRefused, match=r"model\.onnx keeps weights outside of its file"):
        open_bundle(tmp_path)


def test_a_graph_with_a_foreign_operator_is_refused(copy: Path) -> None:
    model = onnx.load(copy / "model.onnx")
    model.graph.node.append(helper.make_node("Anything", ["logits"], ["x"], domain="com.example"))
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    onnx.save(model, copy / "model.onnx")
    write_card(copy)
    with pytest.raises(BundleRefused, match=r"uses the operator set 'com\.example'"):
        open_bundle(copy)


def test_a_graph_that_does_not_load_is_refused(copy: Path) -> None:
    value = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["rows", "tokens"])
    broken = helper.make_graph([helper.make_node("NoSuchOperator", ["input_ids"], ["logits"])], "g", [value], [value])
    onnx.save(helper.make_model(broken, opset_imports=[helper.make_opsetid("", 20)]), copy / "model.onnx")
    write_card(copy)
    with pytest.raises(BundleRefused, match=r"model\.onnx: ONNX Runtime .* does not load it"):
        TextModel(copy).load()


def test_a_tokenizer_that_is_none_is_refused(copy: Path) -> None:
    (copy / "tokenizer.json").write_text("{}", encoding="utf-8")
    write_card(copy)
    with pytest.raises(BundleRefused, match=r"tokenizer\.json is no tokenizer"):
        TextModel(copy).load()


def test_another_onnx_runtime_may_move_a_score_a_little_and_no_more(copy: Path) -> None:
    golden = card_of(copy)["golden"]
    runtime = {**card_of(copy)["runtime"], "onnxruntime": "0.0.1"}
    golden[1]["topic"]["score"] = round(golden[1]["topic"]["score"] - 0.01, 6)
    change_card(copy, golden=golden, runtime=runtime)
    TextModel(copy).load()
    golden[1]["topic"]["score"] = round(golden[1]["topic"]["score"] - 0.1, 6)
    change_card(copy, golden=golden, runtime=runtime)
    with pytest.raises(BundleRefused, match="golden example"):
        TextModel(copy).load()


def test_a_golden_example_that_does_not_hold_is_named(copy: Path) -> None:
    golden = card_of(copy)["golden"]
    golden[1]["topic"]["score"] = round(golden[1]["topic"]["score"] - 0.000001, 6)
    change_card(copy, golden=golden)
    open_bundle(copy)  # every byte is as the card says
    with pytest.raises(BundleRefused, match=r"golden example '空调漏水了，请马上来人', topic: expected .* got"):
        TextModel(copy).load()


def test_a_chosen_bundle_is_found_before_a_shipped_one(whole: Path) -> None:
    assert find_bundle("text-enzh", {"text-enzh": whole}) == whole
    with pytest.raises(BundleRefused, match="no model bundle is named 'nobody'"):
        find_bundle("nobody")
    with pytest.raises(BundleRefused, match="there is no such folder"):
        find_bundle("text-enzh", {"text-enzh": whole / "nowhere"})
