"""Read a small ONNX graph as plain values: nodes, constants, names of inputs and outputs; no library, no running.

Source of the numbers: onnx.proto3 of ONNX's IR.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.onnx_scan import NotOnnx, fields

_DTYPES = {11: np.dtype("<f8"), 7: np.dtype("<i8")}


@dataclass(frozen=True, slots=True)
class Node:
    """One operation; `settings` are its attributes that are whole numbers, or several of them."""

    operation: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    settings: dict[str, tuple[int, ...]]


@dataclass(slots=True)
class Graph:
    """A graph. `constants` are float64 or int64; one of another type, or without raw data, is left out."""

    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


def read_graph(model: bytes) -> Graph:
    """Return the graph of a model; NotOnnx when the bytes are none."""
    found = Graph()
    for _, graph in _messages(memoryview(model), 7):
        for number, value in fields(graph):
            if isinstance(value, memoryview):
                _part(found, number, value)
    return found


def _part(found: Graph, number: int, data: memoryview) -> None:
    if number == 1:
        found.nodes.append(_node(data))
    elif number == 5:
        _constant(found, data)
    elif number in (11, 12):
        [name] = _texts(data, 1)
        (found.inputs if number == 11 else found.outputs).append(name)


def _node(data: memoryview) -> Node:
    [operation] = _texts(data, 4)
    settings = dict(_setting(value) for _, value in _messages(data, 5))
    return Node(operation, tuple(_texts(data, 1)), tuple(_texts(data, 2)), settings)


def _setting(data: memoryview) -> tuple[str, tuple[int, ...]]:
    [name] = _texts(data, 1)
    return name, tuple(value for number, value in fields(data) if number in (3, 8) and isinstance(value, int))


def _constant(found: Graph, data: memoryview) -> None:
    [name] = _texts(data, 8)
    kind = next((value for number, value in fields(data) if number == 2), 0)
    raw = [value for _, value in _messages(data, 9)]
    if isinstance(kind, int) and kind in _DTYPES and raw:
        found.constants[name] = np.frombuffer(raw[0], dtype=_DTYPES[kind])


def _messages(data: memoryview, number: int) -> Iterator[tuple[int, memoryview]]:
    return ((found, value) for found, value in fields(data) if found == number and isinstance(value, memoryview))


def _texts(data: memoryview, number: int) -> list[str]:
    try:
        return [bytes(value).decode() for _, value in _messages(data, number)]
    except UnicodeDecodeError as error:
        raise NotOnnx(f"a name is no text: {error}") from error
