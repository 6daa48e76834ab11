"""How memory lies in a group's changelog, a compacted topic: one record a key, or several for a row that is large.

The changelog's partition N holds the memory of every stream of partition number N; a record's key names the stream,
for sources that are not merged keep their memories apart. Beside memory lie attempts: what a process was about to work
on, written outside any transaction, because they must outlive its death.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, TypeVar

import msgspec
import pyarrow as pa

from infra.broker import Attempt, BrokerMismatch, StateRow
from infra.kafka.batch_writing import Content
from schemas.record import Record
from schemas.topic import Topic

VERSION: Literal[1] = 1
# A record of a topic with Kafka's default bound (1 MiB) holds one piece and its key.
PIECE_BYTES = 700_000
# Below this a row is as quickly written as compressed.
_COMPRESS_FROM = 16_384

Kind = Literal["memory", "attempt"]
_T = TypeVar("_T")


def changelog_topic(group: str, partitions: int) -> Topic:
    """Return the topic in which a group's memory lies."""
    return Topic(
        f"hubbub.state.{group}",
        pa.schema([]),
        f"what the streams of group {group} remember",
        partitions=partitions,
        compacted=True,
        internal=True,
        content="raw",
    )


class _Key(msgspec.Struct, frozen=True, array_like=True):
    kind: Kind
    stream: str
    key: str  # of memory: the row's key; of an attempt: the member of the group that made it
    piece: int = 0


class _Piece(msgspec.Struct, frozen=True, array_like=True):
    version: Literal[1]
    pieces: int
    compressed: bool
    deadline_us: int | None
    expires_us: int | None
    content: bytes


class _Tried(msgspec.Struct, frozen=True, array_like=True):
    version: Literal[1]
    offset: int
    until: int
    deaths: int


_pack = msgspec.msgpack.Encoder().encode
_unpack_key = msgspec.msgpack.Decoder(_Key).decode
_unpack_piece = msgspec.msgpack.Decoder(_Piece).decode
_unpack_tried = msgspec.msgpack.Decoder(_Tried).decode


def memory_records(stream: str, row: StateRow, pieces_before: int) -> list[Content]:
    """Return the records that say what a row is now; `pieces_before` are those that lie there of it.

    As many of them as the row has pieces now have a value; the others are tombstones.
    """
    records: list[Content] = []
    if row.value is not None:
        compressed = len(row.value) >= _COMPRESS_FROM
        content = zlib.compress(row.value, 1) if compressed else row.value
        parts = [content[start : start + PIECE_BYTES] for start in range(0, len(content), PIECE_BYTES)] or [b""]
        for piece, part in enumerate(parts):
            value = _Piece(VERSION, len(parts), compressed, row.deadline_us, row.expires_us, part)
            records.append((_pack(_Key("memory", stream, row.key, piece)), _pack(value), ()))
    for piece in range(len(records), pieces_before):
        records.append((_pack(_Key("memory", stream, row.key, piece)), None, ()))
    return records


def attempt_record(stream: str, member: str, attempt: Attempt | None) -> Content:
    """Return the record that says what a member is about to work on; None: nothing any more."""
    value = None if attempt is None else _pack(_Tried(VERSION, attempt.offset, attempt.until, attempt.deaths))
    return _pack(_Key("attempt", stream, member)), value, ()


class ChangelogReader:
    """Takes the records of one changelog partition in their order; holds what they come to."""

    def __init__(self) -> None:
        self._pieces: dict[tuple[str, str], dict[int, _Piece]] = {}
        self.attempts: dict[tuple[str, str], Attempt] = {}  # by stream and member

    def take(self, records: Iterable[Record]) -> Iterator[tuple[str, StateRow, int]]:
        """Read records; yield (stream, row, pieces) for each row that is whole, or gone (pieces 0)."""
        for record in records:
            key = _checked_key(record)
            if key.kind == "attempt":
                self._take_attempt(key, record)
            elif record.value is None:
                if key.piece == 0:
                    self._pieces.pop((key.stream, key.key), None)
                    yield key.stream, StateRow(key.key, None), 0
            else:
                piece = _decoded(_unpack_piece, record)
                if piece.pieces == 1:
                    self._pieces.pop((key.stream, key.key), None)
                    yield key.stream, _row(key.key, [piece]), 1
                else:
                    # Compaction may leave pieces of an older, longer form behind: the first piece says how many count.
                    self._pieces.setdefault((key.stream, key.key), {})[key.piece] = piece

    def large(self) -> Iterator[tuple[str, StateRow, int]]:
        """Yield the rows of several pieces, at the end of what is to be read: a transaction wrote them all or none."""
        for (stream, key), pieces in self._pieces.items():
            first = pieces.get(0)
            if first is None:
                continue
            whole = [pieces.get(number) for number in range(first.pieces)]
            found = [piece for piece in whole if piece is not None]
            if len(found) != first.pieces:
                raise BrokerMismatch(
                    f"the changelog of stream {stream} holds {len(found)} of {first.pieces} pieces of key {key!r}; "
                    "somebody else has written to it or deleted from it"
                )
            yield stream, _row(key, found), first.pieces
        self._pieces.clear()

    def _take_attempt(self, key: _Key, record: Record) -> None:
        if record.value is None:
            self.attempts.pop((key.stream, key.key), None)
        else:
            tried = _decoded(_unpack_tried, record)
            self.attempts[key.stream, key.key] = Attempt(tried.offset, tried.until, tried.deaths)


def _row(key: str, pieces: list[_Piece]) -> StateRow:
    first = pieces[0]
    content = first.content if len(pieces) == 1 else b"".join(piece.content for piece in pieces)
    value = zlib.decompress(content) if first.compressed else content
    return StateRow(key, value, first.deadline_us, first.expires_us)


def _checked_key(record: Record) -> _Key:
    try:
        return _unpack_key(record.key or b"")
    except msgspec.MsgspecError as error:
        raise BrokerMismatch(
            f"the changelog has a record at offset {record.offset} that hubbub did not write ({error})"
        ) from None


def _decoded(decode: Callable[[bytes], _T], record: Record) -> _T:
    """Decode a value; BrokerMismatch for one of another version of hubbub."""
    try:
        return decode(record.value or b"")
    except msgspec.MsgspecError as error:
        raise BrokerMismatch(
            f"the changelog has a value at offset {record.offset} that this hubbub does not know ({error}); "
            "run it with the hubbub that wrote it, or under another --group"
        ) from None
