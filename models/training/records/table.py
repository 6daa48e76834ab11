"""A user's table to learn from: records, and the label of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from models.record_columns import category_of
from models.training.given_rows import BadFile, GivenRow, read_rows

MOST_LABELS = 100


@dataclass
class Table:
    """Records and their labels, in the order of the file."""

    records: list[GivenRow] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def part(self, rows: Iterable[int]) -> Table:
        """Return these rows."""
        chosen = list(rows)
        return Table([self.records[i] for i in chosen], [self.labels[i] for i in chosen])


def read_table(path: Path, target: str) -> Table:
    """Read one file; rows without a label are left out with a warning.

    Raises BadFile for an unknown form, a missing target, fewer than two labels, or so many that they are numbers.
    """
    found = Table()
    unlabelled: list[int] = []
    for number, row in read_rows(path, of="records"):
        if target not in row:
            raise BadFile(f"{path}:{number}: expected the column {target}, got {', '.join(map(str, row)) or 'none'}")
        try:
            label = category_of(row.pop(target)).strip()
        except ValueError as error:
            raise BadFile(f"{path}:{number}: expected a label in {target}, got {error}") from None
        if not label:
            unlabelled.append(number)
            continue
        found.records.append(row)
        found.labels.append(label)
    if unlabelled:
        found.warnings.append(
            f"{path}: {len(unlabelled)} rows without {target} are left out, first in line {unlabelled[0]}"
        )
    kinds = sorted(set(found.labels))
    if len(kinds) < 2:
        raise BadFile(f"{path}: expected at least two labels in {target}, got {', '.join(kinds) or 'none'}")
    if len(kinds) > MOST_LABELS:
        raise BadFile(f"{path}: expected at most {MOST_LABELS} labels in {target}, got {len(kinds)}: is it a number?")
    return found
