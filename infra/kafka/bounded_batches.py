"""aiokafka's consumers (which Faust reads by), taught to inflate a batch up to a bound: a bomb costs one batch.

A batch that inflates beyond the bound becomes one record at its last offset: without value, its headers one that only
this process can make, with a sentence for a person; `bomb_of` finds it. hubbub's own reader
(infra/kafka/batch_reading.py) needs none of this.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from infra.kafka.bounded_codec import GZIP, LZ4, SNAPPY, ZSTD, InflatesTooFar, bomb_sentence, inflated


class _BombHeader(str):
    """A header's name that no producer can send: it is told by what it is, not by how it is written."""

    __slots__ = ()


BOMB: Final = _BombHeader("bomb")

_most_bytes: int | None = None


def bound_aiokafka(most_bytes: int) -> None:
    """Let every consumer of aiokafka in this process inflate no batch to more than `most_bytes`.

    aiokafka has no place for such a bound, so this puts other functions and another class into its modules, once; a
    later call changes the bound.
    """
    global _most_bytes  # noqa: PLW0603 - a bound of the process, as the modules that it acts on are
    first = _most_bytes is None
    _most_bytes = most_bytes
    if first:
        _install()


def bomb_of(headers: Iterable[tuple[Any, Any]] | None) -> str:
    """Return what is wrong with the batch that a record stands for; "" for every record that a producer made."""
    for name, value in headers or ():
        return value.decode() if type(name) is _BombHeader else ""
    return ""


def _install() -> None:
    from aiokafka import codec as codecs  # noqa: PLC0415 - for those who use Faust only
    from aiokafka.consumer import fetcher  # noqa: PLC0415
    from aiokafka.record import default_records  # noqa: PLC0415
    from aiokafka.structs import ConsumerRecord  # noqa: PLC0415

    def decoder(codec: int) -> Any:  # noqa: ANN401
        return lambda data: inflated(codec, data, most_bytes=_most_bytes or 0)

    # The class that reads batches is compiled where there is a compiler, and takes its functions from its module.
    module = __import__(default_records.DefaultRecordBatch.__module__, fromlist=["gzip_decode"])
    for name, codec in (("gzip", GZIP), ("snappy", SNAPPY), ("lz4", LZ4), ("zstd", ZSTD)):
        assert hasattr(module, f"{name}_decode"), f"aiokafka has no {name}_decode; this is a bug"
        setattr(module, f"{name}_decode", decoder(codec))
        # Three of them need a package that hubbub does without.
        setattr(codecs, f"has_{name}", lambda: True)

    class _Remembering:
        """The batches of one answer, and which of them was taken last."""

        def __init__(self, records: Any) -> None:  # noqa: ANN401
            self._records = records
            self.last: Any = None

        def has_next(self) -> bool:
            return bool(self._records.has_next())

        def next_batch(self) -> Any:  # noqa: ANN401
            self.last = self._records.next_batch()
            return self.last

    class BoundedRecords(fetcher.PartitionRecords):  # type: ignore[misc] # aiokafka's own is not typed
        """The records of one answer; goes on behind a batch that is a bomb."""

        def __init__(self, tp: Any, records: Any, *others: Any) -> None:  # noqa: ANN401
            super().__init__(tp, _Remembering(records), *others)

        def __next__(self) -> Any:  # noqa: ANN401
            try:
                return super().__next__()
            except InflatesTooFar as refusal:
                batch = self._records.last
                last = batch.next_offset - 1
                sentence = bomb_sentence(batch.base_offset, last, str(refusal)).encode()
                self.next_fetch_offset = batch.next_offset
                # What raised is at its end; a new one goes on with the next batch.
                self._records_iterator = self._unpack_records()
                tp = self._tp
                return ConsumerRecord(tp.topic, tp.partition, last, 0, 1, None, None, None, -1, -1, ((BOMB, sentence),))

    fetcher.PartitionRecords = BoundedRecords
