"""What a process tells Prometheus, as text: its own metrics, and memory, CPU and open files of the process."""

from __future__ import annotations

import threading
from typing import Final

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


class Exposition:
    """Any thread may ask; they take turns, for collectors remember where they were."""

    def __init__(self, collector: Collector) -> None:
        self._lock = threading.Lock()
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(collector)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def text(self) -> bytes:
        """Return the metrics as they are now."""
        with self._lock:
            return generate_latest(self._registry)
