"""Write an ONNX graph by evaluating formulas: each operation on a `Symbol` becomes one node.

Only operations whose result IEEE 754 fixes to the last bit (+ - * / sqrt, floor, comparisons, choice) exist here, and
none that adds up over rows or columns, so a row's answer depends neither on the rows beside it nor on the CPU.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSET = 17


@dataclass(slots=True)
class Graph:
    """Nodes in order of their making, and one initializer for each distinct constant."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[tuple[float, ...], str] = field(default_factory=dict)
    places: dict[int, str] = field(default_factory=dict)
    widths: list[int] = field(default_factory=list)

    def add(self, operation: str, *inputs: str, outputs: Sequence[str] = (), **attributes: int | list[int]) -> str:
        """Add a node; its result's name when none is given counts the nodes."""
        names = list(outputs) or [f"v{len(self.nodes)}"]
        self.nodes.append(helper.make_node(operation, list(inputs), names, **attributes))
        return names[0]

    def constant(self, *values: float) -> str:
        """Return the name of a row of constants, (1, width): it meets columns of shape (rows, width)."""
        return self.constants.setdefault(tuple(map(float, values)), f"c{len(self.constants)}")

    def place(self, index: int) -> str:
        """Return the name of a whole number, for where to cut."""
        return self.places.setdefault(index, f"i{len(self.places)}")

    def split(self, name: str, outputs: Sequence[str], widths: Sequence[int]) -> None:
        """Take columns apart into pieces of these widths."""
        self.widths = list(widths)
        self.add("Split", name, "widths", outputs=outputs, axis=1)

    def model(self, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]) -> onnx.ModelProto:
        """Return the checked model."""
        initializers = [numpy_helper.from_array(np.array([values]), name) for values, name in self.constants.items()]
        initializers += [numpy_helper.from_array(np.array([at]), name) for at, name in self.places.items()]
        initializers.append(numpy_helper.from_array(np.array([1], dtype=np.int64), "column_axis"))
        initializers.append(numpy_helper.from_array(np.array(self.widths, dtype=np.int64), "widths"))
        graph = helper.make_graph(self.nodes, "telemetry_level", list(inputs), list(outputs), initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="hubbub")
        model.ir_version = 8  # what opset 17 came with: older readers take it too
        onnx.checker.check_model(model, full_check=True)
        return model


@dataclass(frozen=True, slots=True, eq=False)
class Symbol:
    """Columns (rows, width), mostly of width 1, of numbers or truths in a graph being written."""

    graph: Graph
    name: str

    def _with(self, operation: str, other: Symbol | float, *, swapped: bool = False) -> Symbol:
        name = other.name if isinstance(other, Symbol) else self.graph.constant(other)
        inputs = (name, self.name) if swapped else (self.name, name)
        return Symbol(self.graph, self.graph.add(operation, *inputs))

    def __add__(self, other: Symbol | float) -> Symbol:
        return self._with("Add", other)

    __radd__ = __add__

    def __sub__(self, other: Symbol | float) -> Symbol:
        return self._with("Sub", other)

    def __rsub__(self, other: float) -> Symbol:
        return self._with("Sub", other, swapped=True)

    def __mul__(self, other: Symbol | float) -> Symbol:
        return self._with("Mul", other)

    __rmul__ = __mul__

    def __truediv__(self, other: Symbol | float) -> Symbol:
        return self._with("Div", other)

    def __rtruediv__(self, other: float) -> Symbol:
        return self._with("Div", other, swapped=True)

    def __lt__(self, other: Symbol | float) -> Symbol:
        return self._with("Less", other)

    def __gt__(self, other: Symbol | float) -> Symbol:
        return self._with("Greater", other)

    def __ge__(self, other: Symbol | float) -> Symbol:
        return self._with("GreaterOrEqual", other)

    def __and__(self, other: Symbol) -> Symbol:
        return self._with("And", other)

    def __or__(self, other: Symbol) -> Symbol:
        return self._with("Or", other)

    def __invert__(self) -> Symbol:
        return Symbol(self.graph, self.graph.add("Not", self.name))


class SymbolicOperations:
    """NumPy's names for what formulas use beside the infix operations, writing nodes instead of computing."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def _name(self, one: Symbol | float) -> str:
        return one.name if isinstance(one, Symbol) else self._graph.constant(one)

    def _node(self, operation: str, *inputs: Symbol | float) -> Symbol:
        return Symbol(self._graph, self._graph.add(operation, *(self._name(one) for one in inputs)))

    def where(self, condition: Symbol, yes: Symbol | float, no: Symbol | float) -> Symbol:
        """Choose by row."""
        return self._node("Where", condition, yes, no)

    def maximum(self, one: Symbol | float, other: Symbol | float) -> Symbol:
        """Return the larger of two, by row."""
        return self._node("Max", one, other)

    def minimum(self, one: Symbol | float, other: Symbol | float) -> Symbol:
        """Return the smaller of two, by row."""
        return self._node("Min", one, other)

    def abs(self, one: Symbol) -> Symbol:
        """Return the magnitude."""
        return self._node("Abs", one)

    def sqrt(self, one: Symbol) -> Symbol:
        """Return the square root, correctly rounded."""
        return self._node("Sqrt", one)

    def equal(self, one: Symbol, other: Symbol | float) -> Symbol:
        """Compare exactly."""
        return self._node("Equal", one, other)

    def floor(self, one: Symbol) -> Symbol:
        """Round down to a whole number."""
        return self._node("Floor", one)

    def constants(self, values: Iterable[float]) -> Symbol:
        """Return a row of constants, (1, width)."""
        return Symbol(self._graph, self._graph.constant(*values))

    def beside(self, *columns: Symbol) -> Symbol:
        """Put columns beside each other."""
        return Symbol(self._graph, self._graph.add("Concat", *(one.name for one in columns), axis=1))

    def part(self, columns: Symbol, begin: int, end: int) -> Symbol:
        """Return the columns from `begin` to before `end`."""
        graph = self._graph
        places = (graph.place(begin), graph.place(end), graph.place(1))
        return Symbol(graph, graph.add("Slice", columns.name, *places))

    def at(self, columns: Symbol, place: Symbol) -> Symbol:
        """Return of each row the column at its `place`, (rows, 1), a whole number."""
        return Symbol(self._graph, self._graph.add("GatherElements", columns.name, self._whole(place), axis=1))

    def put(self, columns: Symbol, place: Symbol, value: Symbol) -> Symbol:
        """Return the columns with `value`, (rows, 1), at each row's `place`."""
        names = (columns.name, self._whole(place), value.name)
        return Symbol(self._graph, self._graph.add("ScatterElements", *names, axis=1))

    def _whole(self, place: Symbol) -> str:
        return self._graph.add("Cast", place.name, to=int(onnx.TensorProto.INT64))

    def largest(self, columns: Symbol) -> Symbol:
        """Return each row's largest, (rows, 1)."""
        return Symbol(self._graph, self._graph.add("ReduceMax", columns.name, axes=[1], keepdims=1))
