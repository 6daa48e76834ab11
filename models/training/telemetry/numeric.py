"""Compute formulas with NumPy: the operations that `symbols.SymbolicOperations` writes as nodes, done at once."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


class NumericOperations:
    """What formulas use beside the infix operations, on arrays of shape (rows, width)."""

    where, maximum, minimum = staticmethod(np.where), staticmethod(np.maximum), staticmethod(np.minimum)
    abs, sqrt, equal, floor = (
        staticmethod(np.abs),
        staticmethod(np.sqrt),
        staticmethod(np.equal),
        staticmethod(np.floor),
    )

    def constants(self, values: Iterable[float]) -> Values:
        """Return a row of constants, (1, width)."""
        return np.array([list(values)], dtype=np.float64)

    def beside(self, *columns: Values) -> Values:
        """Put columns beside each other."""
        return np.concatenate(columns, axis=1)

    def part(self, columns: Values, begin: int, end: int) -> Values:
        """Return the columns from `begin` to before `end`."""
        return columns[:, begin:end]

    def at(self, columns: Values, place: Values) -> Values:
        """Return of each row the column at its `place`, (rows, 1), a whole number."""
        found: Values = np.take_along_axis(columns, place.astype(np.int64), 1)
        return found

    def put(self, columns: Values, place: Values, value: Values) -> Values:
        """Return the columns with `value`, (rows, 1), at each row's `place`."""
        changed = columns.copy()
        np.put_along_axis(changed, place.astype(np.int64), value, 1)
        return changed

    def largest(self, columns: Values) -> Values:
        """Return each row's largest, (rows, 1)."""
        largest: Values = columns.max(axis=1, keepdims=True)
        return largest
