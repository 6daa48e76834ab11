"""kafka-python's consumers, taught to inflate a batch up to a bound: a bomb costs one batch, not the job.

A batch that inflates beyond the bound becomes one record at its last offset: its value is what came (compressed, its
first 64 KiB), its headers are one that only this process can make, with a sentence for a person; `bomb_of` finds it.
As all compressions come from `infra/bounded_codec.py`, topics in snappy, LZ4 and zstd need no further packages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from infra.bounded_codec import InflatesTooFar, inflated

MOST_KEPT_BYTES: Final = 1 << 16


class _BombHeader(str):
    """A header's name that no producer can send: it is told by what it is, not by how it is written."""

    __slots__ = ()


BOMB: Final = _BombHeader("bomb")

_most_bytes: int | None = None


def bound_kafka_python(most_bytes: int) -> None:
    """Let every consumer of kafka-python in this process inflate no batch to more than `most_bytes`.

    kafka-python has no place for such a bound, so this puts another batch class into its module, once; a later call
    changes the bound.
    """
    global _most_bytes  # noqa: PLW0603 - a bound of the process, as the class that it acts on is
    first = _most_bytes is None
    _most_bytes = most_bytes
    if first:
        _install()


def bomb_of(headers: Iterable[tuple[Any, Any]]) -> str:
    """Return what is wrong with the batch that a record stands for; "" for every record that a producer made."""
    for name, value in headers:
        if type(name) is _BombHeader:
            return value.decode() if isinstance(value, bytes) else str(value)
        return ""
    return ""


def bomb_headers(first: int, last: int, refusal: InflatesTooFar) -> list[tuple[str, bytes]]:
    """Return the headers of the record that stands for a batch from offset `first` to `last`."""
    return [(BOMB, f"the batch of offsets {first} to {last}: {refusal}".encode())]


def _install() -> None:
    from kafka import codec  # noqa: PLC0415 - for those who use Kafka only
    from kafka.errors import UnsupportedCodecError  # noqa: PLC0415
    from kafka.record import default_records, legacy_records, memory_records  # noqa: PLC0415

    batch_class: Any = default_records.DefaultRecordBatch

    class BoundedBatch(batch_class):  # type: ignore[misc] # kafka-python has no types
        """A batch of format 2 that inflates up to the bound."""

        __slots__ = ()

        def __iter__(self: Any) -> Iterator[object]:
            if self._decompressed or self.compression_type == self.CODEC_NONE:
                self._decompressed = True
                return self  # type: ignore[no-any-return]
            data = memoryview(self._buffer)[self._pos :]
            try:
                content = inflated(self.compression_type, data, most_bytes=_most_bytes or 0)
            except InflatesTooFar as refusal:
                return iter((self._bomb(data, refusal),))
            except ValueError as error:
                raise UnsupportedCodecError(f"the batch at offset {self.base_offset}: {error}") from None
            self._buffer, self._pos, self._decompressed = content, 0, True
            return self  # type: ignore[no-any-return]

        def _bomb(self, data: memoryview, refusal: InflatesTooFar) -> object:
            return default_records.DefaultRecord(
                size_in_bytes=len(data),
                offset=self.last_offset,
                timestamp=self.max_timestamp,
                timestamp_type=self.timestamp_type,
                key=None,
                value=bytes(data[:MOST_KEPT_BYTES]),
                headers=bomb_headers(self.base_offset, self.last_offset, refusal),
            )

    def of(number: int) -> Callable[[bytes], bytes]:
        def decode(data: bytes) -> bytes:
            try:
                return inflated(number, data, most_bytes=_most_bytes or 0)
            except ValueError as error:
                raise UnsupportedCodecError(f"a batch in the format of before Kafka 0.11: {error}") from None

        return decode

    memory_records.DefaultRecordBatch = BoundedBatch
    # Formats 0 and 1, which no producer of Kafka 4 can write any more: bounded too, but a bomb stops the reader.
    legacy_records.gzip_decode = of(batch_class.CODEC_GZIP)
    legacy_records.snappy_decode = of(batch_class.CODEC_SNAPPY)
    legacy_records.lz4_decode = of(batch_class.CODEC_LZ4)
    codec.has_snappy = codec.has_lz4 = lambda: True
