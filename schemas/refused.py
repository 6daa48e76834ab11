"""Refused: why one record cannot become a row. It ends in a dead letter, never in a crash."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.dead_letters import REASONS, STAGES


# Not frozen, and compared by what it is and not by what it says: Python itself sets `__traceback__` on an exception
# that passes through a context manager, which a frozen dataclass refuses.
@dataclass(eq=False)
class Refused(Exception):
    """One record is refused: `reason` and `stage` of schemas/dead_letters.py, `message` one sentence for a person."""

    reason: str
    stage: str
    message: str

    def __post_init__(self) -> None:
        """Check that the words are of the closed lists, and keep them where pickling looks for them."""
        super().__init__(self.reason, self.stage, self.message)
        if self.reason not in REASONS or self.stage not in STAGES:
            raise ValueError(f"this is a bug: {self.reason!r} or {self.stage!r} is not a dead letter's reason or stage")

    def __str__(self) -> str:
        return self.message
