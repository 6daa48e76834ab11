"""What a person gave cannot be used: the command ends with status 2 and this sentence."""

from __future__ import annotations


class BadInput(Exception):
    """One sentence: what was expected, what came, and where."""
