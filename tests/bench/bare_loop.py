"""The physical limit of the plumbing on this machine, in one process: the same rows through SQLite and orjson alone.

`python tests/bench/bare_loop.py EVENTS` reads records from one table, parses and serializes their JSON, and writes them
to another, 2,000 a transaction: no schema, no ids, no headers, no offsets. Prints rows a second.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import orjson

from tests.bench.workloads import events


def main() -> None:
    """Fill, copy, print."""
    count = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = normal")
        for table in ("source", "sink"):
            connection.execute(f"CREATE TABLE {table} (offset INTEGER PRIMARY KEY, key BLOB, value BLOB)")
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO source VALUES (?, ?, ?)",
            ((i, one.key, one.value) for i, one in enumerate(events("plumbing", count))),
        )
        connection.execute("COMMIT")
        start = time.perf_counter()
        for first in range(0, count, 2000):
            rows = connection.execute("SELECT * FROM source WHERE offset >= ? LIMIT 2000", (first,)).fetchall()
            made = [(offset, key, orjson.dumps(orjson.loads(value))) for offset, key, value in rows]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO sink VALUES (?, ?, ?)", made)
            connection.execute("COMMIT")
        print(count / (time.perf_counter() - start))
        connection.close()


if __name__ == "__main__":
    main()
