"""Something said again and again while work goes on, like how far it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def said_every(seconds: float, say: Callable[[], None]) -> Iterator[None]:
    """Call `say` every so many seconds while the block runs, from a thread of its own that ends with the block."""
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(seconds):
            say()

    thread = threading.Thread(target=go_on, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
