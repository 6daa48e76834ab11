"""One stream's memory as a runner's state keeps it: where the stream stands, and a log of what changed.

A log, because a step changes few of the keys: each step appends its changes, and when the log has grown to several
times what is remembered it is written anew. Folded in order it gives the memory; bytes are msgpack.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from infra.broker import StateRow, Stream
from pipelines.engines.stream_memory import Position, StreamMemory

MOST_GROWTH = 3
LEAST_BYTES = 64 << 10
_pack = msgspec.msgpack.Encoder().encode
_kept = msgspec.msgpack.Decoder(tuple[int, Position, int, int, int]).decode
_entry = msgspec.msgpack.Decoder(tuple[int, list[tuple[str, bytes | None, int | None, int | None]]]).decode
VERSION = 1


class KeptMemory:
    """The head of the log: `position` of the stream, number of entries and bytes.

    Entries are numbered, for a runner gives a bag's back in any order.
    """

    def __init__(self, position: Position, entries: int = 0, size: int = 0, begun: int = 0) -> None:
        self.position = position
        self.entries = entries
        self._size = size
        self._begun = begun

    @staticmethod
    def read(data: bytes | None) -> KeptMemory | None:
        """Read a head; None where there is none yet."""
        if data is None:
            return None
        version, position, entries, size, begun = _kept(data)
        if version != VERSION:
            raise ValueError(f"expected memory of version {VERSION}, got {version}: written by a newer hubbub?")
        return KeptMemory(position, entries, size, begun)

    def to_bytes(self) -> bytes:
        """Write the head."""
        return _pack((VERSION, self.position, self.entries, self._size, self._begun))

    def begin(self, rows: Sequence[StateRow]) -> bytes:
        """Return the first entry of a new log, which holds everything."""
        entry = self._numbered(rows)
        self._size = self._begun = len(entry)
        return entry

    def changed(self, rows: Sequence[StateRow]) -> bytes:
        """Return an entry with what a step changed."""
        entry = self._numbered(rows)
        self._size += len(entry)
        return entry

    @property
    def is_long(self) -> bool:
        """Whether the log should be written anew."""
        return self._size > MOST_GROWTH * max(self._begun, LEAST_BYTES)

    def restore(self, stream: Stream, entries: Iterable[bytes]) -> StreamMemory:
        """Return the memory that the log gives."""
        memory = StreamMemory.at(stream, self.position)
        for _, rows in sorted((_entry(one) for one in entries), key=lambda entry: entry[0]):
            memory.load(StateRow(*row) for row in rows)
        return memory

    def _numbered(self, rows: Sequence[StateRow]) -> bytes:
        self.entries += 1
        return _pack((self.entries, [(one.key, one.value, one.deadline_us, one.expires_us) for one in rows]))
