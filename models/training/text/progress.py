"""Progress goes to stderr, so that stdout stays free."""

from __future__ import annotations

import sys


def say(*words: object) -> None:
    """Print one line to stderr at once."""
    print(*words, file=sys.stderr, flush=True)
