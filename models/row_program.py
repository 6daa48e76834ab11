"""A graph of element-wise operations as a Python function of one row: for when there is nothing to vectorise.

ONNX Runtime takes half a microsecond for a node however few rows there are, so some hundred nodes for one row cost ten
times what their arithmetic does. Each number of the row becomes a variable, each node a line for every column of its
result. All operations here are those whose result IEEE 754 fixes to the last bit, so both ways of running a graph give
the same bits, but for the sign of zero; `models/loaded_telemetry.py` shows both the golden series before either serves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np

from models.onnx_graph import Graph, Node

# The columns of a value in one row: names of variables, or numbers as they stand in a program.
Columns: TypeAlias = tuple[str, ...]
# Takes the inputs' numbers in order, as many as their columns; gives the outputs' in order, end to end.
RowProgram: TypeAlias = Callable[..., tuple[float, ...]]

# Min and Max give not-a-number wherever there is one. Of 0.0 and -0.0 ONNX Runtime gives the one or the other by where
# a row lies, so whoever wants the same bits adds 0.0 to what comes out.
_LINES: Final[Mapping[str, str]] = {
    "Add": "{0} + {1}",
    "Sub": "{0} - {1}",
    "Mul": "{0} * {1}",
    "Div": "{0} / {1} if {1} else divided({0}, {1})",
    "Less": "{0} < {1}",
    "Greater": "{0} > {1}",
    "GreaterOrEqual": "{0} >= {1}",
    "Equal": "{0} == {1}",
    "And": "{0} and {1}",
    "Or": "{0} or {1}",
    "Not": "not {0}",
    "Where": "{1} if {0} else {2}",
    "Min": "{0} if {0} < {1} or {0} != {0} else {1}",
    "Max": "{0} if {0} > {1} or {0} != {0} else {1}",
    "Abs": "abs({0})",
    "Sqrt": "sqrt({0})",
    "Floor": "{0} // 1.0",
}

_INT64: Final = 7  # onnx.TensorProto.INT64


class NotElementWise(ValueError):
    """A graph has an operation that has no such program; the message names it."""


@dataclass
class _Writer:
    lines: list[str] = field(default_factory=list)
    values: dict[str, Columns] = field(default_factory=dict)
    whole: dict[str, list[int]] = field(default_factory=dict)

    def node(self, node: Node) -> None:
        """Write one node."""
        given = [self.values.get(name, ()) for name in node.inputs]
        if any(axis != 1 for name in ("axis", "axes") for axis in node.settings.get(name, ())):
            raise NotElementWise(f"{node.operation} along another axis than that of the columns")
        if node.operation in _LINES:
            self.values[node.outputs[0]] = tuple(self._elements(_LINES[node.operation], given))
        elif node.operation in ("Squeeze", "Unsqueeze", "Identity"):
            self.values[node.outputs[0]] = given[0]
        elif node.operation == "Concat":
            self.values[node.outputs[0]] = tuple(column for columns in given for column in columns)
        elif node.operation == "Split":
            begin = 0
            for name, width in zip(node.outputs, self.whole[node.inputs[1]], strict=True):
                self.values[name] = given[0][begin : begin + width]
                begin += width
        elif node.operation == "Slice" and len(node.inputs) == 4 and self.whole[node.inputs[3]] == [1]:
            [begin], [end] = (self.whole[name] for name in node.inputs[1:3])
            self.values[node.outputs[0]] = given[0][begin:end]
        elif node.operation == "Cast" and node.settings.get("to") == (_INT64,) and len(given[0]) == 1:
            self.values[node.outputs[0]] = tuple(self._elements("int({0})", given))
        elif node.operation == "GatherElements" and len(given[1]) == 1:
            self.values[node.outputs[0]] = (self._line(f"({', '.join(given[0])},)[{given[1][0]}]"),)
        elif node.operation == "ScatterElements" and "reduction" not in node.settings and len(given[1]) == 1:
            table = self._line(f"[{', '.join(given[0])}]")
            self.lines.append(f"    {table}[{given[1][0]}] = {given[2][0]}")
            self.values[node.outputs[0]] = tuple(f"{table}_{at}" for at in range(len(given[0])))
            self.lines.append(f"    {', '.join(self.values[node.outputs[0]])}, = {table}")
        elif node.operation == "ReduceMax" and len(node.inputs) == 1:
            largest = given[0][:1]
            for column in given[0][1:]:
                largest = tuple(self._elements(_LINES["Max"], [largest, (column,)]))
            self.values[node.outputs[0]] = largest
        else:
            raise NotElementWise(f"the operation {node.operation}")

    def _line(self, expression: str) -> str:
        name = f"v{len(self.lines)}"
        self.lines.append(f"    {name} = {expression}")
        return name

    def _elements(self, line: str, given: Sequence[Columns]) -> Iterator[str]:
        for at in range(max(map(len, given))):
            operands = (columns[at if len(columns) > 1 else 0] for columns in given)
            yield self._line(line.format(*operands))


def row_program(graph: Graph, widths: Mapping[str, int]) -> RowProgram:
    """Return the program of a graph whose inputs have so many columns. NotElementWise when it cannot have one."""
    writer = _Writer()
    for name, values in graph.constants.items():
        if values.dtype == np.int64:
            writer.whole[name] = values.tolist()
        else:
            writer.values[name] = tuple(f"({value!r})" for value in values.tolist())
    arguments: list[str] = []
    for number, given in enumerate(graph.inputs):
        columns = tuple(f"i{number}_{at}" for at in range(widths[given]))
        writer.values[given] = columns
        arguments += columns
    for node in graph.nodes:
        writer.node(node)
    results = [column for output in graph.outputs for column in writer.values[output]]
    source = "\n".join([f"def program({', '.join(arguments)}):", *writer.lines, f"    return ({', '.join(results)},)"])
    names: dict[str, object] = {"sqrt": _sqrt, "divided": _divided, "abs": abs, "nan": math.nan, "inf": math.inf}
    # Nothing of a graph stands in the source but operations of the table above, and numbers.
    exec(compile(source, "<row program>", "exec"), names)  # noqa: S102
    program: RowProgram = names["program"]  # type: ignore[assignment]
    return program


def _sqrt(value: float) -> float:
    return math.sqrt(value) if value >= 0 else math.nan


def _divided(value: float, zero: float) -> float:
    """Divide by zero, as IEEE 754 says."""
    if value == 0 or math.isnan(value):
        return math.nan
    return math.copysign(math.inf, value) * math.copysign(1.0, zero)
