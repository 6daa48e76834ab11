"""Remember what repeated texts were answered, within a bound of bytes."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import Generic, TypeVar

Answer = TypeVar("Answer")

_PLACE = 200  # bytes of the dictionary's entry and the objects' own headers


class AnswerCache(Generic[Answer]):
    """The most recently used answers by text, at most `limit_bytes` of them; 0 remembers nothing. Thread-safe."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0
        self._kept: OrderedDict[str, tuple[Answer, int]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, texts: Sequence[str]) -> list[Answer | None]:
        """Return what each text was answered, None where it is not remembered."""
        found: list[Answer | None] = []
        with self._lock:
            for text in texts:
                entry = self._kept.get(text)
                if entry is None:
                    found.append(None)
                else:
                    self._kept.move_to_end(text)
                    found.append(entry[0])
        return found

    def remember(self, text: str, answer: Answer, answer_bytes: int) -> None:
        """Keep an answer; the least recently used ones leave. One that is larger than the whole bound is not kept."""
        size = sys.getsizeof(text) + answer_bytes + _PLACE
        if size > self.limit_bytes:
            return
        with self._lock:
            before = self._kept.pop(text, None)
            if before is not None:
                self.used_bytes -= before[1]
            self._kept[text] = (answer, size)
            self.used_bytes += size
            while self.used_bytes > self.limit_bytes:
                _, (_, left) = self._kept.popitem(last=False)
                self.used_bytes -= left
