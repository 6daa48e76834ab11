"""Something done again and again while work goes on, like saying how far it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def done_every(
    seconds: float, do: Callable[[], object], *, name: str = "progress", leave_s: float | None = None
) -> Iterator[None]:
    """Call `do` every so many seconds while the block runs, from a thread called `name` that ends with the block.

    A call that is under way is waited for, `leave_s` at most (None: however long it takes).
    """
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(seconds):
            do()

    thread = threading.Thread(target=go_on, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(leave_s)
