"""Whoever looks on at a replay."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from pipelines.replay.run_side import Progress


@dataclass
class Watcher:
    """Whoever looks on: told what goes on now, and able to stop it."""

    stop: threading.Event = field(default_factory=threading.Event)
    progress: Progress = field(default_factory=Progress)
    say: Callable[[str], None] = lambda what: None
