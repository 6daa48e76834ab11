"""A graph that points out of itself is refused (S5), whatever the pointing looks like and wherever in it it stands."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from models.bundle import BundleRefused, open_bundle
from tests.tiny_text_bundle import tiny_tokenizer, write_card

SECRET = b"not for a model to read, 32 bytes"[:32]


def nothing(folder: Path, outside: Path) -> None:
    """The path alone does it."""


def a_folder(folder: Path, outside: Path) -> None:
    (folder / "junk").mkdir()


def a_symbolic_link(folder: Path, outside: Path) -> None:
    (folder / "weights.bin").symlink_to(outside)


def a_linked_folder(folder: Path, outside: Path) -> None:
    (folder / "inside").symlink_to(outside.parent, target_is_directory=True)


def a_hard_link(folder: Path, outside: Path) -> None:
    os.link(outside, folder / "weights.bin")


def external(name: str, location: str) -> onnx.TensorProto:
    tensor = onnx.TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[8])
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "0", "length": "32"}.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def in_an_initializer(location: str) -> onnx.GraphProto:
    graph = plain_graph()
    graph.initializer.append(external("w", location))
    return graph


def in_a_constant(location: str) -> onnx.GraphProto:
    graph = plain_graph()
    node = helper.make_node("Constant", [], ["w"])
    node.attribute.append(helper.make_attribute("value", external("w", location)))
    graph.node.insert(0, node)
    return graph


def in_sparse_values(location: str) -> onnx.GraphProto:
    graph = plain_graph()
    sparse = onnx.SparseTensorProto(dims=[64])
    sparse.values.CopyFrom(external("w", location))
    sparse.indices.CopyFrom(helper.make_tensor("i", TensorProto.INT64, [8], list(range(8))))
    graph.sparse_initializer.append(sparse)
    return graph


def plain_graph() -> onnx.GraphProto:
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [8])
    return helper.make_graph([helper.make_node("Identity", ["w"], ["y"])], "g", [], [out])


@pytest.mark.parametrize("place", [in_an_initializer, in_a_constant, in_sparse_values])
@pytest.mark.parametrize(
    ("location", "prepare"),
    [
        ("../weights.bin", nothing),
        ("{outside}", nothing),
        ("junk/../../weights.bin", a_folder),
        ("weights.bin", a_symbolic_link),
        ("inside/weights.bin", a_linked_folder),
        ("weights.bin", a_hard_link),
    ],
)
def test_weights_outside_of_the_file_are_refused(
    tmp_path: Path,
    place: Callable[[str], onnx.GraphProto],
    location: str,
    prepare: Callable[[Path, Path], None],
) -> None:
    folder, outside = tmp_path / "bundle", tmp_path / "weights.bin"
    folder.mkdir()
    outside.write_bytes(SECRET)
    tiny_tokenizer().save(str(folder / "tokenizer.json"))
    graph = place(location.format(outside=outside))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    write_card(folder)  # every sha256 is right: the maker of the bundle is the attacker
    prepare(folder, outside)
    with pytest.raises(BundleRefused, match="keeps weights outside of its file"):
        open_bundle(folder)
