"""Read the rows of a user's file: JSON lines, CSV, TSV or Parquet; say plainly what is wrong and where."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import orjson

GivenRow = dict[str, object]
TABLES = (".csv", ".tsv", ".parquet")  # files whose columns are flat


class BadFile(ValueError):
    """A file that cannot be trained on: which file, which line, what was expected."""


def read_rows(path: Path, *, of: str, needs: str = "") -> Iterator[tuple[int, GivenRow]]:
    """Give the number of each line, or of each Parquet row, from 1, with its values by name.

    An empty cell of a table is None; other cells are texts. Empty JSON lines are passed over. `of` and `needs` say in
    errors what the file should hold ("labelled texts") and what each row ("text and label").
    Raises BadFile for a missing file, a line that is no JSON object, and a line with more cells than there are columns.
    """
    if not path.is_file():
        raise BadFile(f"expected a file of {of} at {path}, found none")
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        yield from enumerate(pq.read_table(path).to_pylist(), start=1)
    elif path.suffix in (".csv", ".tsv"):
        yield from _cells(path)
    else:
        yield from _objects(path, f"a JSON object with {needs}" if needs else "a JSON object")


def _cells(path: Path) -> Iterator[tuple[int, GivenRow]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ",", restkey="")
        for cells in reader:
            if "" in cells:
                raise BadFile(f"{path}:{reader.line_num}: expected {len(cells) - 1} cells, got more")
            yield reader.line_num, {name: cell or None for name, cell in cells.items()}


def _objects(path: Path, expected: str) -> Iterator[tuple[int, GivenRow]]:
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise BadFile(f"{path}:{number}: expected {expected}, got: {error}") from error
        if not isinstance(row, dict):
            raise BadFile(f"{path}:{number}: expected {expected}, got {type(row).__name__}")
        yield number, row
