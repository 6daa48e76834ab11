"""A local copy of what a share remembers, so that taking it over again reads only the changelog's last part.

It is never needed and never trusted: it counts only if its checksum is right, if it is of the very changelog that lies
on the cluster now, and if it is younger than the tombstones that the cluster keeps; else the changelog is read whole.

One file: a line that names the format; blocks, each its length (4 bytes, big endian) and a msgpack value, the first
the `Head`, the others lists of rows; a block of length 0; the SHA-256 of everything before it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from infra.broker import Attempt, StateRow
from infra.failpoints import failpoint

log = logging.getLogger(__name__)

FORMAT = b"hubbub state snapshot 1\n"
# The changelog keeps tombstones for a day; a copy older than this might not know that a key was forgotten.
MOST_AGE_S = 12 * 3600
_ROWS_A_BLOCK = 1000
_LENGTH = struct.Struct(">I")


class Head(msgspec.Struct, frozen=True, array_like=True):
    """What a snapshot is of: a changelog (by the cluster's own id of the topic), its partition, up to which offset."""

    changelog: str
    number: int
    position: int
    written_at_s: float
    attempts: list[tuple[str, str, int, int, int]] = []  # stream, member, offset, until, deaths


class SavedRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One key's memory, and how many pieces it takes in the changelog."""

    stream: str
    key: str
    value: bytes
    deadline_us: int | None
    expires_us: int | None
    pieces: int

    @property
    def row(self) -> StateRow:
        """The row as the port has it."""
        return StateRow(self.key, self.value, self.deadline_us, self.expires_us)


_pack = msgspec.msgpack.Encoder().encode
_head = msgspec.msgpack.Decoder(Head).decode
_rows = msgspec.msgpack.Decoder(list[SavedRow]).decode


def attempts_of(head: Head) -> dict[tuple[str, str], Attempt]:
    """Return the attempts that a snapshot holds, by stream and member."""
    return {(stream, member): Attempt(*rest) for stream, member, *rest in head.attempts}


def write_snapshot(path: Path, head: Head, rows: Iterable[SavedRow]) -> int:
    """Write a snapshot in place of the one that is there, and return its size in bytes; OSError as it comes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Processes of one machine share the folder, and a number may move between them while it is being written.
    beside = path.with_suffix(f".{os.getpid()}.new")
    digest = hashlib.sha256()
    with beside.open("wb") as file:

        def write(content: bytes) -> None:
            digest.update(content)
            file.write(content)

        write(FORMAT)
        waiting = iter(rows)
        block = _pack(head)
        while block:
            write(_LENGTH.pack(len(block)))
            write(block)
            some = list(islice(waiting, _ROWS_A_BLOCK))
            block = _pack(some) if some else b""
        write(_LENGTH.pack(0))
        failpoint("during_flush")
        file.write(digest.digest())
        size = file.tell()
    # No fsync: what a power cut tears does not pass the checksum.
    beside.replace(path)
    return size


def read_snapshot(path: Path, *, changelog: str, number: int, now_s: float) -> tuple[Head, Iterator[SavedRow]] | None:
    """Return what a snapshot holds if it is intact and of this changelog and not too old; None: read the changelog."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("snapshot %s cannot be read (%s); the changelog is read instead", path, error.strerror)
        return None
    blocks = _checked(content)
    if blocks is None:
        log.warning("snapshot %s is damaged; the changelog is read instead", path)
        return None
    head = _head(blocks[0])
    if (head.changelog, head.number) != (changelog, number):
        log.warning("snapshot %s is of another changelog; the changelog is read instead", path)
        return None
    if not 0 <= now_s - head.written_at_s <= MOST_AGE_S:
        log.info("snapshot %s is too old to count; the changelog is read instead", path)
        return None
    return head, (row for block in blocks[1:] for row in _rows(block))


def _checked(content: bytes) -> Sequence[memoryview] | None:
    """Return the blocks, None unless every byte is what was written."""
    size = hashlib.sha256().digest_size
    body, digest = memoryview(content)[:-size], content[-size:]
    if len(content) < len(FORMAT) + size or hashlib.sha256(body).digest() != digest or body[: len(FORMAT)] != FORMAT:
        return None
    blocks: list[memoryview] = []
    at = len(FORMAT)
    while True:
        (length,) = _LENGTH.unpack_from(body, at)
        at += _LENGTH.size
        if not length:
            return blocks
        blocks.append(body[at : at + length])
        at += length
