"""Read a user's table: CSV, TSV, JSON lines or Parquet; say plainly what is wrong and where."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from models.record_columns import category_of

Record = dict[str, object]
MOST_LABELS = 100


class BadTable(ValueError):
    """A table that cannot be trained on: which file, which line, what was expected."""


@dataclass
class Table:
    """Records and their labels, in the order of the file."""

    records: list[Record] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def part(self, rows: Iterable[int]) -> Table:
        """Return these rows."""
        chosen = list(rows)
        return Table([self.records[i] for i in chosen], [self.labels[i] for i in chosen])


def read_table(path: Path, target: str) -> Table:
    """Read one file; rows without a label are left out with a warning.

    Raises BadTable for an unknown form, a missing target, fewer than two labels, or so many that they are numbers.
    """
    found = Table()
    unlabelled: list[int] = []
    for number, row in _rows(path):
        if target not in row:
            raise BadTable(f"{path}:{number}: expected the column {target}, got {', '.join(map(str, row)) or 'none'}")
        try:
            label = category_of(row.pop(target)).strip()
        except ValueError as error:
            raise BadTable(f"{path}:{number}: expected a label in {target}, got {error}") from None
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
        raise BadTable(f"{path}: expected at least two labels in {target}, got {', '.join(kinds) or 'none'}")
    if len(kinds) > MOST_LABELS:
        raise BadTable(f"{path}: expected at most {MOST_LABELS} labels in {target}, got {len(kinds)}: is it a number?")
    return found


def _rows(path: Path) -> Iterator[tuple[int, Record]]:
    if not path.is_file():
        raise BadTable(f"expected a table at {path}, found none")
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        for number, row in enumerate(pq.read_table(path).to_pylist(), start=1):
            yield number, row
    elif path.suffix in (".csv", ".tsv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ",", restkey="")
            for cells in reader:
                if "" in cells:
                    raise BadTable(f"{path}:{reader.line_num}: expected {len(cells) - 1} cells, got more")
                yield reader.line_num, _without_gaps(cells)
    else:
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            if line.strip():
                yield number, _object(line, f"{path}:{number}")


def _without_gaps(cells: Mapping[str, str | None]) -> Record:
    return {name: cell if cell else None for name, cell in cells.items()}


def _object(line: bytes, place: str) -> Record:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadTable(f"{place}: expected a JSON object, got: {error}") from error
    if not isinstance(row, dict):
        raise BadTable(f"{place}: expected a JSON object, got {type(row).__name__}")
    return row
