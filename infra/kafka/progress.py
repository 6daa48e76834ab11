"""Progress that writers have made, read from the compacted topic `hubbub.progress` and kept up with."""

from __future__ import annotations

from collections.abc import Callable

from infra.broker import TopicPartition
from infra.kafka.reader import KafkaReader
from schemas.progress import PROGRESS_MADE

_PART = TopicPartition(PROGRESS_MADE.name, 0)
_RECORDS = 5000
_BYTES = 4 << 20


class KafkaProgress:
    """The last value of each name, as far as it has been read. `look` gives the reader to use."""

    def __init__(self, look: Callable[[], KafkaReader]) -> None:
        self._look = look
        self._values: dict[str, int] = {}
        self._next = 0

    def note(self, name: str, value: int) -> None:
        """Take what this process has just written: the mark of its transaction may come a moment later."""
        self._values[name] = value

    def value(self, name: str) -> int | None:
        """Read what is new, and return the value last remembered under a name."""
        self._read_on()
        return self._values.get(name)

    def under(self, prefix: str) -> dict[str, int]:
        """Read what is new, and return what is remembered under names that begin so."""
        self._read_on()
        return {name: value for name, value in self._values.items() if name.startswith(prefix)}

    def _read_on(self) -> None:
        reader = self._look()
        while records := reader.read(_PART, self._next, max_records=_RECORDS, max_bytes=_BYTES):
            for record in records:
                key = (record.key or b"").decode()
                if record.value is None:
                    self._values.pop(key, None)
                else:
                    self._values[key] = int(record.value)
            self._next = records[-1].offset + 1
