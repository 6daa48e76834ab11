"""Tables of plain text: aligned columns that a person reads and `cut` survives."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line for each row with its columns aligned; wide characters (Chinese) count as two, as terminals do."""
    return GrowingTable().lines(rows)


class GrowingTable:
    """A table whose rows come bit by bit: its columns are as wide as the widest cell so far."""

    def __init__(self) -> None:
        self._widths: list[int] = []

    def lines(self, rows: Sequence[Sequence[str]]) -> list[str]:
        """Return a line for each of these rows; all have as many cells."""
        from rich.cells import cell_len

        if not rows:
            return []
        known = self._widths or [0] * len(rows[0])
        self._widths = [max(width, *(cell_len(row[at]) for row in rows)) for at, width in enumerate(known)]
        return [
            "  ".join(
                cell + " " * (width - cell_len(cell)) for cell, width in zip(row, self._widths, strict=True)
            ).rstrip()
            for row in rows
        ]
