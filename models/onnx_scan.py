"""Look into an ONNX file without running it: which operator sets it uses, whether it wants bytes from other files.

A graph is refused before ONNX Runtime sees it when it points outside of itself. The file is a protocol buffer; this
walks its fields by number and skips the ones that do not matter, so a large weight costs nothing.
Source of the numbers: onnx.proto3 of ONNX's IR, and the protocol buffers' wire format.
"""

from __future__ import annotations

from collections.abc import Iterator

# Operator sets that ONNX Runtime itself brings. Any other one needs a library of somebody's.
KNOWN_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})

# Message kind -> {field number: kind of the message in it}. What is not listed is skipped.
_NESTED: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "operator set", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "function": {7: "node", 9: "operator set", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse tensor", 23: "sparse tensor"},
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "operator set": {},
    "tensor": {},
}
_DOMAIN = {"operator set": 1, "node": 7, "function": 10}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_DEEPEST = 64


class NotOnnx(ValueError):
    """The bytes are no protocol buffer of a model."""


def _number(data: memoryview, at: int) -> tuple[int, int]:
    """Read a base-128 number: its value and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise NotOnnx("the file ends within a field")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise NotOnnx("a number is longer than ten bytes")


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Give each field's number with its value: a number, or the bytes of what has a length."""
    at = 0
    while at < len(data):
        tag, at = _number(data, at)
        number, wire = (tag & 0xFFFF_FFFF) >> 3, tag & 7  # protocol buffers keep 32 bits of a tag
        if wire == 0:
            value, at = _number(data, at)
            yield number, value
            continue
        if wire == 2:
            size, at = _number(data, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise NotOnnx(f"a field has the wire type {wire}")
        if number == 0 or at + size > len(data):
            raise NotOnnx("the file ends within a field")
        yield number, data[at : at + size]
        at += size


def _complaints(kind: str, data: memoryview, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        raise NotOnnx(f"graphs are nested deeper than {_DEEPEST}")
    for number, value in fields(data):
        if kind == "tensor":
            if number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0):
                yield "keeps weights outside of its file"
        elif isinstance(value, memoryview):
            if number == _DOMAIN.get(kind):
                domain = bytes(value).decode("utf-8", "replace")
                if domain not in KNOWN_DOMAINS:
                    yield f"uses the operator set {domain!r}, which ONNX Runtime does not bring"
            elif number in _NESTED[kind]:
                yield from _complaints(_NESTED[kind][number], value, depth + 1)


def complaint_about(graph: bytes) -> str | None:
    """Say why this ONNX file must not be loaded, or None when nothing speaks against it."""
    try:
        return next(_complaints("model", memoryview(graph), 0), None)
    except NotOnnx as error:
        return f"is no ONNX model: {error}"
