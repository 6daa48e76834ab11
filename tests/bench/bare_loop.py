"""The physical limit of the plumbing on this machine: the same rows through SQLite and orjson alone, in one process.

`python tests/bench/bare_loop.py KIND EVENTS` writes events into a table and reads them again, 2,000 a transaction, with
the headers that hubbub's own outputs carry ("in", "out"); then it copies them to another table, parsed and serialized
once ("copy"): no schema, no ids, no offsets, no groups. Prints one JSON object of rows a second of processor time,
which neighbours do not take from it.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import orjson

from tests.bench.workloads import events

BATCH = 2000
# As many bytes as the headers of an output record take.
HEADERS = b"h" * 300
Row = tuple[int, bytes, bytes, bytes]


def main() -> None:
    """Write, read, copy, print."""
    kind, count = sys.argv[1], int(sys.argv[2])
    rows = [(i, one.key or b"", one.value or b"", HEADERS) for i, one in enumerate(events(kind, count))]
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = normal")
        for table in ("source", "sink"):
            connection.execute(f"CREATE TABLE {table} (offset INTEGER PRIMARY KEY, key BLOB, value BLOB, headers BLOB)")

        def write(table: str, some: Iterable[Row]) -> None:
            connection.execute("BEGIN IMMEDIATE")
            # Why a bytearray: see infra/sqlite/broker.py.
            made = ((i, bytearray(key), bytearray(value), bytearray(headers)) for i, key, value, headers in some)
            connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?)", made)
            connection.execute("COMMIT")

        def read(first: int) -> list[Row]:
            return connection.execute(f"SELECT * FROM source WHERE offset >= ? LIMIT {BATCH}", (first,)).fetchall()

        def copy(first: int) -> None:
            found = read(first)
            # Cut where one flat object ends and the next begins; orjson is slow at many short texts one by one.
            values = orjson.dumps([orjson.loads(value) for _, _, value, _ in found])[1:-1].split(b"},{")
            write("sink", [(i, key, value, headers) for (i, key, _, headers), value in zip(found, values, strict=True)])

        waiting = iter(rows)
        steps: dict[str, Callable[[int], object]] = {
            "in": lambda _: write("source", islice(waiting, BATCH)),
            "out": read,
            "copy": copy,
        }
        rates = {}
        for name, step in steps.items():
            start = time.process_time()
            for first in range(0, count, BATCH):
                step(first)
            rates[name] = count / (time.process_time() - start)
        connection.close()
    print(json.dumps(rates))


if __name__ == "__main__":
    main()
