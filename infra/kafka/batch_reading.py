"""Kafka's record batches (format 2) read as hubbub's records, aborted transactions and markers left out.

Written out here because it is what a reader spends its time on: kafka-python's own makes three objects of each record.
Source: https://kafka.apache.org/documentation/#recordbatch; varints are Protocol Buffers' zigzag.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from infra.kafka.bounded_codec import BYTES_A_RECORD, MOST_KEPT_BYTES, InflatesTooFar, bomb_sentence, inflated
from schemas.record import Headers, Record

# Base offset, length, leader epoch, format, checksum, attributes, last offset's distance, first and last time,
# producer's id, epoch and first sequence, count.
_HEADER = struct.Struct(">qiibIhiqqqhii")
_OFFSET_AND_LENGTH = struct.Struct(">qi")
_MOST_INFLATED_BYTES = 8 << 20
_FORMAT_AT = 16
_FORMAT = 2
_COMPRESSION = 0x07
_APPEND_TIME = 0x08
_TRANSACTIONAL = 0x10
_CONTROL = 0x20
_ABORT = b"\x00\x00\x00\x00"  # a marker's key: version 0, type 0


class UnreadableBatch(ValueError):
    """Bytes in a log that are no batch this reader knows: of another format, or damaged."""


def committed_records(
    data: bytes, start: int, aborted: Iterable[tuple[int, int]], *, most_bytes: int
) -> tuple[list[Record], int]:
    """Return the records from offset `start` on, and the offset behind all whole batches.

    `aborted`: (producer's id, first offset) of the aborted transactions in these batches. A compressed batch that holds
    more than `most_bytes`, or more records than go with that, becomes one record at its last offset that says so
    (`bomb`). Behind 8 MiB of what was compressed the rest is left for the next time: many batches may each be just
    below the bound. The last batch may be cut off.
    """
    left = _MOST_INFLATED_BYTES
    records: list[Record] = []
    waiting = sorted(aborted, key=lambda one: one[1])
    aborting: set[int] = set()
    position = start
    at, size = 0, len(data)
    while at + _HEADER.size <= size and left > 0:
        base, length = _OFFSET_AND_LENGTH.unpack_from(data, at)
        end = at + _OFFSET_AND_LENGTH.size + length
        if data[at + _FORMAT_AT] != _FORMAT:
            raise UnreadableBatch(f"offset {base}: expected a record batch of format 2, got {data[at + _FORMAT_AT]}")
        if end > size:
            break
        header = _HEADER.unpack_from(data, at)
        attributes, distance, first_ms, last_ms, producer_id, count = (header[i] for i in (5, 6, 7, 8, 9, 12))
        last = base + distance
        body = at + _HEADER.size
        at = end
        if last < start:
            continue
        position = last + 1
        while waiting and waiting[0][1] <= last:
            aborting.add(waiting.pop(0)[0])
        if attributes & _CONTROL:
            if _marker_key(data, body, end) == _ABORT:
                aborting.discard(producer_id)
        elif not (attributes & _TRANSACTIONAL and producer_id in aborting):
            time_ms = last_ms if attributes & _APPEND_TIME else None
            content, where = data, body
            if attributes & _COMPRESSION:
                try:
                    if count > most_bytes // BYTES_A_RECORD:
                        raise InflatesTooFar(f"{count} records in {end - body} bytes")
                    content = inflated(attributes & _COMPRESSION, memoryview(data)[body:end], most_bytes=most_bytes)
                except InflatesTooFar as refusal:
                    kept = data[body : min(end, body + MOST_KEPT_BYTES)]
                    sentence = bomb_sentence(base, last, str(refusal))
                    records.append(Record(last, last_ms * 1000, None, kept, (), sentence))
                    continue
                where = 0
                left -= max(len(content), count * BYTES_A_RECORD)
            try:
                records += _records(content, where, count, base, first_ms, time_ms, start)
            except (IndexError, UnicodeDecodeError) as error:
                raise UnreadableBatch(f"offset {base}: expected {count} records, got damaged bytes: {error}") from None
    return records, position


def _records(  # noqa: PLR0915 - a field after the other, without calls
    data: bytes, at: int, count: int, base: int, first_ms: int, time_ms: int | None, start: int
) -> list[Record]:
    """Return the records of one batch from `start` on; `time_ms` is the time of all, None: each has its own."""
    records: list[Record] = []
    names: dict[bytes, str] = {}
    for _ in range(count):
        # Most numbers fit a byte: that way is written out, for a call costs as much as all the rest of a field.
        length = data[at]
        at += 1
        if length > 0x7F:
            length, at = _rest(data, at, length)
        following = at + (length >> 1)
        at += 1  # attributes, of which none is in use
        delta = data[at]
        at += 1
        if delta > 0x7F:
            delta, at = _rest(data, at, delta)
        distance = data[at]
        at += 1
        if distance > 0x7F:
            distance, at = _rest(data, at, distance)
        offset = base + (distance >> 1)
        if offset < start:
            at = following
            continue
        length = data[at]
        at += 1
        if length > 0x7F:
            length, at = _rest(data, at, length)
        if length & 1:
            key = None
        else:
            key = data[at : at + (length >> 1)]
            at += length >> 1
        length = data[at]
        at += 1
        if length > 0x7F:
            length, at = _rest(data, at, length)
        if length & 1:
            value = None
        else:
            value = data[at : at + (length >> 1)]
            at += length >> 1
        fields = data[at]
        at += 1
        headers: Headers = ()
        if fields:
            if fields > 0x7F:
                fields, at = _rest(data, at, fields)
            found = []
            for _ in range(fields >> 1):
                length = data[at]
                at += 1
                if length > 0x7F:
                    length, at = _rest(data, at, length)
                packed = data[at : at + (length >> 1)]
                at += length >> 1
                name = names.get(packed)
                if name is None:
                    name = names[packed] = packed.decode()
                length = data[at]
                at += 1
                if length > 0x7F:
                    length, at = _rest(data, at, length)
                # A null value cannot be told from an empty one inside hubbub; CloudEvents has none.
                content = b"" if length & 1 else data[at : at + (length >> 1)]
                at += 0 if length & 1 else length >> 1
                found.append((name, content))
            headers = tuple(found)
        at = following
        stamp = time_ms if time_ms is not None else first_ms + ((delta >> 1) ^ -(delta & 1))
        records.append(Record(offset, stamp * 1000, key, value, headers))
    return records


def _rest(data: bytes, at: int, number: int) -> tuple[int, int]:
    """Return an unsigned varint whose first byte was read, and where it ends."""
    number &= 0x7F
    shift = 7
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7


def _marker_key(data: bytes, at: int, end: int) -> bytes:
    """Return the key of a control batch's only record."""
    for number in range(4):  # length, attributes, time, offset
        if number == 1:
            at += 1
            continue
        while data[at] > 0x7F:
            at += 1
        at += 1
    size = data[at] >> 1
    return data[at + 1 : min(at + 1 + size, end)]
