"""The file under the embedded broker: its tables, one connection a thread, and errors in plain words."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from infra.broker import BrokerMismatch, BrokerUnavailable

FORMAT = 1
# A record's place is one integer, so that the table is a plain rowid tree: the partition's number above 40 bits of
# offset.
OFFSET_BITS = 40

TABLES = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES ('format', {FORMAT});
CREATE TABLE topics (name TEXT PRIMARY KEY, partitions INTEGER NOT NULL, compacted INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE partitions (
    id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL,
    first INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL DEFAULT 0, last_timestamp INTEGER NOT NULL DEFAULT 0,
    UNIQUE (topic, partition)
);
CREATE TABLE records (place INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, key BLOB, value BLOB, headers BLOB);
CREATE TABLE groups (name TEXT PRIMARY KEY, generation INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE members (grp TEXT NOT NULL, instance TEXT NOT NULL, PRIMARY KEY (grp, instance)) WITHOUT ROWID;
CREATE TABLE offsets (
    grp TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL, note TEXT NOT NULL,
    PRIMARY KEY (grp, topic, partition)
) WITHOUT ROWID;
CREATE TABLE streams (id INTEGER PRIMARY KEY, grp TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (grp, name));
CREATE TABLE state (
    stream INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, deadline INTEGER, expires INTEGER,
    PRIMARY KEY (stream, key)
) WITHOUT ROWID;
CREATE INDEX state_deadline ON state (stream, deadline, key) WHERE deadline IS NOT NULL;
CREATE INDEX state_expires ON state (stream, expires) WHERE expires IS NOT NULL;
CREATE TABLE attempts (
    stream INTEGER PRIMARY KEY, first INTEGER NOT NULL, until INTEGER NOT NULL, deaths INTEGER NOT NULL
);
CREATE TABLE progress (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""  # noqa: S608 - made of constants

Durability = Literal["off", "normal", "full"]
MOST_CACHE_BYTES = 48 << 20
"""What SQLite holds in one process, of all files and threads, before it takes pages back from its caches."""


@contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into the port's: what cannot be done now, and what is not the file that was meant."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        primary = code & 0xFF if isinstance(code, int) else None
        said = {
            sqlite3.SQLITE_BUSY: "is locked by another process for too long",
            sqlite3.SQLITE_LOCKED: "is locked by another process for too long",
            sqlite3.SQLITE_FULL: "cannot grow: the disk is full",
            sqlite3.SQLITE_READONLY: "is read-only",
            sqlite3.SQLITE_CANTOPEN: "cannot be opened: does the folder exist, and may this user write there?",
            sqlite3.SQLITE_IOERR: "cannot be read or written: the disk reports an error, or is full",
            sqlite3.SQLITE_PERM: "may not be written by this user",
        }.get(primary or -1)
        if said is not None:
            raise BrokerUnavailable(f"the broker file {path} {said} ({error}); nothing was half written") from error
        if primary in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise BrokerMismatch(f"expected a hubbub broker file at {path}, got something else ({error})") from error
        raise


class SqliteStore:
    """One broker file, opened by each thread that uses it, until the thread has ended and another one opens it.

    `durability` is SQLite's `synchronous`: "normal" survives a killed process, "full" a power cut as well, "off" is
    for throw-away files. Writers of several processes take turns; one waits `busy_s` seconds at most.
    """

    def __init__(self, path: Path, *, durability: Durability = "normal", busy_s: float = 30.0) -> None:
        self.path = path
        self._durability = durability
        self._busy_s = busy_s
        self._local = threading.local()
        self._open: list[tuple[threading.Thread, sqlite3.Connection]] = []
        self._lock = threading.Lock()
        with plain_errors(path):
            self._create_tables()

    def connection(self) -> sqlite3.Connection:
        """Return this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self.path, isolation_level=None, timeout=self._busy_s, check_same_thread=False, cached_statements=64
            )
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {self._durability}")
            connection.execute("PRAGMA cache_size = -16000")
            # Of the whole process: else each pipeline's thread would come to hold a full cache in the course of days.
            connection.execute(f"PRAGMA soft_heap_limit = {MOST_CACHE_BYTES}")
            self._local.connection = connection
            with self._lock:
                self._close_those_of_ended_threads()
                self._open.append((threading.current_thread(), connection))
        return connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give a connection for statements that change nothing."""
        with plain_errors(self.path):
            yield self.connection()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection inside one transaction: all of it is written at the end, or nothing."""
        with plain_errors(self.path):
            connection = self.connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close every thread's connection."""
        with self._lock:
            for _, connection in self._open:
                connection.close()
            self._open.clear()
        self._local = threading.local()

    def _close_those_of_ended_threads(self) -> None:
        """Each holds pages of the file, up to 16 MB; servers and runs make ever new threads."""
        living = []
        for thread, connection in self._open:
            if thread.is_alive():
                living.append((thread, connection))
            else:
                connection.close()
        self._open = living

    def _create_tables(self) -> None:
        connection = self.connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not tables:
                for statement in TABLES.split(";\n"):
                    connection.execute(statement)
            elif "meta" not in tables:
                raise BrokerMismatch(f"expected a hubbub broker file at {self.path}, got another SQLite database")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # a full disk has rolled it back already
                connection.execute("ROLLBACK")
            raise
        (found,) = connection.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()
        if found != FORMAT:
            raise BrokerMismatch(f"the broker file {self.path} has format {found}, this hubbub reads format {FORMAT}")
