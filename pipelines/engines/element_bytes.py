"""Beam's elements as bytes: rows in Arrow's stream format, everything else msgpack.

No pickles, so nothing that travels between processes can run code, and what a checkpoint holds can be read later.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pyarrow as pa
from msgspec import Struct

from infra.broker import Offset, StateRow, Stream, TopicPartition
from pipelines.engines.beam.elements import Portion, Run, StreamEnd, StreamRange, Ticks, Written
from pipelines.engines.stream_memory import Position
from pipelines.engines.work import Refusal
from schemas.record import Append, Record

Offsets = list[tuple[TopicPartition, Offset]]
_pack = msgspec.msgpack.Encoder().encode


class _Run(Struct, array_like=True, frozen=True):
    part: TopicPartition
    batch: bytes
    records: list[Record]
    watermark_us: int | None


class _Portion(Struct, array_like=True, frozen=True):
    pipeline: str
    stream: Stream
    before: Position
    offsets: Offsets
    runs: list[_Run]
    refused: list[Refusal]
    watermark_us: int | None
    extra: list[Append]
    memory: list[StateRow] | None
    last: bool


class _Range(Struct, array_like=True, frozen=True):
    pipeline: str
    stream: Stream
    offsets: Offsets
    ends: list[tuple[TopicPartition, int]]
    memory: list[StateRow]
    ticks: list[tuple[TopicPartition, list[tuple[int, int]]]]


class _End(Struct, array_like=True, frozen=True):
    pipeline: str
    stream: Stream
    before: Position
    offsets: Offsets
    states: list[StateRow]


_portion = msgspec.msgpack.Decoder(_Portion).decode
_range = msgspec.msgpack.Decoder(_Range).decode
_end = msgspec.msgpack.Decoder(_End).decode
_written = msgspec.msgpack.Decoder(list[Append]).decode


def portion_to_bytes(one: Portion) -> bytes:
    """Write a portion."""
    runs = [_Run(run.part, _batch_to_bytes(run.batch), list(run.records), run.watermark_us) for run in one.runs]
    memory = None if one.memory is None else list(one.memory)
    offsets = list(one.offsets.items())
    return _pack(
        _Portion(
            one.pipeline,
            one.stream,
            one.before,
            offsets,
            runs,
            list(one.refused),
            one.watermark_us,
            list(one.extra),
            memory,
            one.last,
        )
    )


def portion_of_bytes(data: bytes) -> Portion:
    """Read a portion."""
    one = _portion(data)
    runs = [Run(run.part, _batch_of_bytes(run.batch), run.records, run.watermark_us) for run in one.runs]
    return Portion(
        one.pipeline,
        one.stream,
        one.before,
        dict(one.offsets),
        runs,
        one.refused,
        one.watermark_us,
        one.extra,
        one.memory,
        one.last,
    )


def range_to_bytes(one: StreamRange) -> bytes:
    """Write a range."""
    ticks = [(part, list(observed)) for part, observed in one.ticks.items()]
    return _pack(
        _Range(one.pipeline, one.stream, list(one.offsets.items()), list(one.ends.items()), list(one.memory), ticks)
    )


def range_of_bytes(data: bytes) -> StreamRange:
    """Read a range."""
    one = _range(data)
    ticks: Ticks = dict(one.ticks)
    ends: Mapping[TopicPartition, int] = dict(one.ends)
    return StreamRange(one.pipeline, one.stream, dict(one.offsets), ends, one.memory, ticks)


def end_to_bytes(one: StreamEnd) -> bytes:
    """Write an end."""
    return _pack(_End(one.pipeline, one.stream, one.before, list(one.offsets.items()), list(one.states)))


def end_of_bytes(data: bytes) -> StreamEnd:
    """Read an end."""
    one = _end(data)
    return StreamEnd(one.pipeline, one.stream, one.before, dict(one.offsets), one.states)


def written_to_bytes(one: Written) -> bytes:
    """Write what is to be written."""
    return _pack(list(one.records))


def written_of_bytes(data: bytes) -> Written:
    """Read what is to be written."""
    return Written(_written(data))


def _batch_to_bytes(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def _batch_of_bytes(data: bytes) -> pa.RecordBatch:
    with pa.ipc.open_stream(data) as reader:
        return reader.read_next_batch()
