"""When a loop last came round: set by the thread that loops, asked by whoever watches it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

STILL_S: Final = 60.0
"""A loop that has not come round for so long stands still; no pause and no wait for an answer takes as long."""


@dataclass(slots=True)
class Heartbeat:
    """The last beat of the loop called `name`, in seconds of `time.monotonic`."""

    name: str
    at_s: float = field(default_factory=time.monotonic)

    def beat(self) -> None:
        """Say that the loop moves."""
        self.at_s = time.monotonic()

    def trouble(self, now_s: float | None = None) -> str | None:
        """Say that it stands still; None when it moves."""
        still_s = (time.monotonic() if now_s is None else now_s) - self.at_s
        return None if still_s <= STILL_S else f"{self.name} has not moved for {still_s:.0f} s"
