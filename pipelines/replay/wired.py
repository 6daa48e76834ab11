"""What planning and comparing must know of a pipeline: its name, what it reads, what it writes."""

from __future__ import annotations

from typing import Protocol

from pipelines.pipeline import Sink
from schemas.topic import Topic


class Wired(Protocol):
    """What must be known of a pipeline to plan and to compare; its operators may live in another process."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def sources(self) -> tuple[Topic, ...]:
        """What it reads."""
        ...

    @property
    def sinks(self) -> tuple[Sink, ...]:
        """What it writes."""
        ...
